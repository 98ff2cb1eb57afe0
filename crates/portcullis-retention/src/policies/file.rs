//! Policies as an operator writes them, in TOML.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::{DataClass, InvalidDays, InvalidPolicy, InvalidRate, Policies, Settings};

impl Policies {
    /// Reads policies from TOML.
    ///
    /// ```
    /// use portcullis_retention::{DataClass, Policies};
    ///
    /// let policies = Policies::parse(r#"
    ///     [default]                            # what is not written here has its default
    ///     request_meta = "30d"
    ///     body_sample = "7d"
    ///     sampling = "5%"
    ///
    ///     [organization."0198c0de"]            # longer or shorter than the default
    ///     request_meta = "90d"
    ///
    ///     [organization."0198c0de".project."0198beef"]
    ///     body_sample = "1d"                   # shorter than its organization's
    /// "#)?;
    /// let policy = policies.policy(Some("0198c0de"), Some("0198beef"));
    /// assert_eq!(policy.days(DataClass::BodySample).to_string(), "1d");
    /// # Ok::<(), portcullis_retention::InvalidPolicyFile>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidPolicyFile`] with line, field, value and cure. Nothing is ignored and nothing is clamped. Do not start with
    /// it; a process that runs keeps the policies that were in force.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicyFile> {
        let reader = Reader { text };
        let file = DeTable::parse(text).map_err(|error| {
            let problem = PolicyFileProblem::NotToml(error.message().to_owned());
            reader.error(error.span(), "", "", problem)
        })?;
        reader.file(file.get_ref())
    }
}

/// A policy file that cannot be used: where, which field, what is written there, and the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPolicyFile {
    line: usize,
    field: String,
    value: String,
    problem: PolicyFileProblem,
}

impl InvalidPolicyFile {
    /// The line, counted from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// The field with its sections: `organization.0198c0de.request_meta`. Empty when the text is no TOML.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is written there, cut to 64 characters.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What is wrong with it; its text names the cure.
    #[must_use]
    pub const fn problem(&self) -> &PolicyFileProblem {
        &self.problem
    }
}

impl fmt::Display for InvalidPolicyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "retention policy, line {}: ", self.line)?;
        if !self.field.is_empty() {
            write!(f, "`{}`", self.field.escape_debug())?;
            if !self.value.is_empty() {
                // Quotes as they stand in the file; what a terminal would obey is escaped.
                let shown = self.value.escape_debug().to_string();
                write!(f, " = {}", shown.replace("\\\"", "\"").replace("\\'", "'"))?;
            }
            f.write_str(": ")?;
        }
        write!(f, "{}", self.problem)
    }
}

impl std::error::Error for InvalidPolicyFile {}

/// What is wrong with a policy file, and the cure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFileProblem {
    /// The text is no TOML, or writes a field twice.
    #[error("{0}")]
    NotToml(String),
    /// No section of this name.
    #[error(
        "no such section; write `[default]`, `[organization.\"ID\"]` or `[organization.\"ID\".project.\"ID\"]`"
    )]
    UnknownSection,
    /// No class of this name. It would limit nothing.
    #[error(
        "no such class; write `request_meta`, `body_sample`, `audit`, `rollup`, `opening` or `sampling`"
    )]
    UnknownClass,
    /// A section with a value in its place.
    #[error("this is a section; write it once, in single brackets, on a line of its own")]
    NotASection,
    /// An id that is empty or has white space around it.
    #[error(
        "an id is neither empty nor has it white space around it; write it as the organization has it"
    )]
    BadId,
    /// A number, a date or a list.
    #[error("write it in quotes, with its unit, such as \"30d\" or \"5%\"")]
    NotInQuotes,
    /// No number of days.
    #[error(transparent)]
    Days(#[from] InvalidDays),
    /// No share.
    #[error(transparent)]
    Rate(#[from] InvalidRate),
    /// It contradicts another limit.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
}

struct Reader<'t> {
    text: &'t str,
}

/// A section as it was written: what it sets, and where.
struct Section<'t> {
    path: String,
    place: Range<usize>,
    settings: Settings,
    fields: Vec<(&'static str, Range<usize>, &'t str)>,
}

type Entry<'a, 't> = (&'a Spanned<DeString<'t>>, &'a Spanned<DeValue<'t>>);

impl<'t> Reader<'t> {
    fn file(&self, file: &DeTable<'t>) -> Result<Policies, InvalidPolicyFile> {
        let mut policies = Policies::default();
        // The default first, wherever it stands: organizations change it.
        for (name, value) in file {
            match name.get_ref().as_ref() {
                "default" => {
                    let section = self.section(name, "default".to_owned(), value, None)?;
                    let read = Policies::of_instance(section.settings);
                    policies = read.map_err(|it| self.contradiction(&section, it))?;
                }
                "organization" => {}
                other => {
                    let problem = PolicyFileProblem::UnknownSection;
                    return Err(self.error(Some(name.span()), other, "", problem));
                }
            }
        }
        let organizations = file
            .iter()
            .filter(|(name, _)| *name.get_ref() == "organization");
        for (name, value) in organizations {
            for entry in self.table(name, "organization", value)? {
                policies = self.organization(policies, entry)?;
            }
        }
        Ok(policies)
    }

    fn organization(
        &self,
        policies: Policies,
        (id, value): Entry<'_, 't>,
    ) -> Result<Policies, InvalidPolicyFile> {
        let path = self.id("organization", id)?;
        let section = self.section(id, path.clone(), value, Some("project"))?;
        let organization = id.get_ref().as_ref();
        let added = policies.organization(organization, section.settings);
        let mut policies = added.map_err(|it| self.contradiction(&section, it))?;
        let fields = self.table(id, &path, value)?;
        for (name, projects) in fields
            .iter()
            .filter(|(name, _)| *name.get_ref() == "project")
        {
            for (project, value) in self.table(name, &format!("{path}.project"), projects)? {
                let path = self.id(&format!("{path}.project"), project)?;
                let section = self.section(project, path, value, None)?;
                let added = policies.project(organization, project.get_ref(), section.settings);
                policies = added.map_err(|it| self.contradiction(&section, it))?;
            }
        }
        Ok(policies)
    }

    /// The limits of one section; `inner` is the one name in it that is a section of its own.
    fn section(
        &self,
        name: &Spanned<DeString<'t>>,
        path: String,
        value: &Spanned<DeValue<'t>>,
        inner: Option<&str>,
    ) -> Result<Section<'t>, InvalidPolicyFile> {
        let table = self.table(name, &path, value)?;
        let mut section = Section {
            path,
            place: name.span(),
            settings: Settings::none(),
            fields: Vec::new(),
        };
        for (field, value) in table {
            if Some(field.get_ref().as_ref()) != inner {
                self.field(&mut section, (field, value))?;
            }
        }
        Ok(section)
    }

    fn field(
        &self,
        section: &mut Section<'t>,
        (name, value): Entry<'_, 't>,
    ) -> Result<(), InvalidPolicyFile> {
        let written = self.text.get(value.span()).unwrap_or_default();
        let word = name.get_ref().as_ref();
        let class = DataClass::ALL
            .into_iter()
            .find(|class| class.as_str() == word);
        let path = format!("{}.{word}", section.path);
        let refuse =
            |place: Range<usize>, problem| Err(self.error(Some(place), &path, written, problem));
        let stable = match (class, word) {
            (Some(class), _) => class.as_str(),
            (None, SAMPLING) => SAMPLING,
            (None, _) => return refuse(name.span(), PolicyFileProblem::UnknownClass),
        };
        let Some(text) = value.get_ref().as_str() else {
            return refuse(value.span(), PolicyFileProblem::NotInQuotes);
        };
        let settings = section.settings;
        let read = match class {
            Some(class) => text
                .parse()
                .map(|days| settings.with(class, days))
                .map_err(PolicyFileProblem::Days),
            None => text
                .parse()
                .map(|rate| settings.with_sampling(rate))
                .map_err(PolicyFileProblem::Rate),
        };
        match read {
            Ok(settings) => section.settings = settings,
            Err(problem) => return refuse(value.span(), problem),
        }
        section.fields.push((stable, value.span(), written));
        Ok(())
    }

    /// A contradiction, at whichever of its two fields is written in this section.
    fn contradiction(&self, section: &Section<'t>, problem: InvalidPolicy) -> InvalidPolicyFile {
        let (field, other) = match problem {
            InvalidPolicy::OutlivesOther { class, other, .. } => (class.as_str(), other.as_str()),
            InvalidPolicy::LongerThanOrganization { class, .. } => (class.as_str(), class.as_str()),
            InvalidPolicy::AuditOfProject => (DataClass::Audit.as_str(), DataClass::Audit.as_str()),
            InvalidPolicy::SamplesMoreThanOrganization { .. } => (SAMPLING, SAMPLING),
        };
        let written = |name| section.fields.iter().find(|(field, ..)| *field == name);
        match written(field).or_else(|| written(other)) {
            Some((name, place, value)) => {
                let path = format!("{}.{name}", section.path);
                self.error(Some(place.clone()), &path, value, problem.into())
            }
            None => self.error(
                Some(section.place.clone()),
                &section.path,
                "",
                problem.into(),
            ),
        }
    }

    fn id(&self, path: &str, id: &Spanned<DeString<'t>>) -> Result<String, InvalidPolicyFile> {
        let text = id.get_ref();
        let path = format!("{path}.{text}");
        if text.is_empty() || text.trim() != text {
            return Err(self.error(Some(id.span()), &path, "", PolicyFileProblem::BadId));
        }
        Ok(path)
    }

    fn table<'a>(
        &self,
        name: &Spanned<DeString<'t>>,
        path: &str,
        value: &'a Spanned<DeValue<'t>>,
    ) -> Result<&'a DeTable<'t>, InvalidPolicyFile> {
        value.get_ref().as_table().ok_or_else(|| {
            let written = self.text.get(value.span()).unwrap_or_default();
            self.error(
                Some(name.span()),
                path,
                written,
                PolicyFileProblem::NotASection,
            )
        })
    }

    fn error(
        &self,
        place: Option<Range<usize>>,
        field: &str,
        value: &str,
        problem: PolicyFileProblem,
    ) -> InvalidPolicyFile {
        let start = place.map_or(self.text.len(), |place| place.start);
        let before = self.text.bytes().take(start);
        InvalidPolicyFile {
            line: before.filter(|byte| *byte == b'\n').count() + 1,
            field: field.to_owned(),
            value: value.chars().take(SHOWN_CHARS).collect(),
            problem,
        }
    }
}

const SAMPLING: &str = "sampling";

/// How much of a bad value an error shows.
const SHOWN_CHARS: usize = 64;

#[cfg(test)]
mod tests;
