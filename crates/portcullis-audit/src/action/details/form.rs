//! How details stand in a record.

use serde::Deserialize;

use super::{
    AnchorGivenUp, BreachEntry, Change, ClockStep, Erased, Exported, GuardReport, Heartbeat, Hold,
    LogHead, LogKey, Pruned, Purged, Refused, RoleChange, Settings,
};
use crate::json::{self, Object};
use crate::{BreachId, Count, Field, Hash, ObjectId, Origin, VerifierKey, Word};

/// How details are written and read. What is written is read back as itself, so a reader that ignored a member would not
/// come to the same bytes again and the record would be refused.
pub(crate) trait Details: Sized {
    fn write(&self, object: &mut Object<'_>);
    fn read(raw: &RawDetails<'_>) -> Option<Self>;
}

/// The members of all details.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDetails<'a> {
    below: Option<u64>,
    breach: Option<&'a str>,
    #[serde(borrow)]
    cause: Option<&'a str>,
    changes: Option<Vec<RawChange<'a>>>,
    class: Option<&'a str>,
    count: Option<u64>,
    entry: Option<u64>,
    fields: Option<Vec<&'a str>>,
    first: Option<u64>,
    format: Option<&'a str>,
    from: Option<u64>,
    hold: Option<&'a str>,
    key: Option<&'a str>,
    kind: Option<&'a str>,
    left_out: Option<u64>,
    log: Option<&'a str>,
    logs: Option<u64>,
    micros: Option<u64>,
    next: Option<u64>,
    role: Option<&'a str>,
    root: Option<&'a str>,
    size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChange<'a> {
    after: Option<u64>,
    before: Option<u64>,
    setting: &'a str,
}

impl Details for Refused {
    fn write(&self, object: &mut Object<'_>) {
        word(object, "cause", &self.cause);
        object.integer("left_out", self.left_out);
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        Some(Self {
            cause: Word::recorded(raw.cause?)?,
            left_out: raw.left_out?.into(),
        })
    }
}

impl Details for Pruned {
    fn write(&self, object: &mut Object<'_>) {
        object.integer("below", self.below);
        word(object, "cause", &self.cause);
        object.integer("from", self.from);
        object.plain("root", &self.root.hex());
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        Some(Self {
            below: raw.below?.into(),
            cause: Word::recorded(raw.cause?)?,
            from: raw.from?.into(),
            root: Hash::from_hex(raw.root?)?,
        })
    }
}

impl Details for Erased {
    fn write(&self, object: &mut Object<'_>) {
        word(object, "cause", &self.cause);
        object.integer("count", self.count);
        object.array("fields", &self.fields, |out, field| {
            json::text(out, field.as_str());
        });
        object.integer("first", self.first);
        object.integer("next", self.next);
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        let fields = raw.fields.as_ref()?.iter();
        Some(Self {
            cause: Word::recorded(raw.cause?)?,
            count: raw.count?.into(),
            fields: fields
                .map(|word| Field::parse(word))
                .collect::<Option<_>>()?,
            first: raw.first?.into(),
            next: raw.next?.into(),
        })
    }
}

impl Details for Exported {
    fn write(&self, object: &mut Object<'_>) {
        object.integer("first", self.first);
        word(object, "format", &self.format);
        object.integer("next", self.next);
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        Some(Self {
            first: raw.first?.into(),
            format: Word::recorded(raw.format?)?,
            next: raw.next?.into(),
        })
    }
}

impl Details for Purged {
    fn write(&self, object: &mut Object<'_>) {
        word(object, "cause", &self.cause);
        word(object, "class", &self.class);
        object.integer("count", self.count);
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        Some(Self {
            cause: Word::recorded(raw.cause?)?,
            class: Word::recorded(raw.class?)?,
            count: raw.count?.into(),
        })
    }
}

impl Details for Hold {
    fn write(&self, object: &mut Object<'_>) {
        object.plain("hold", &self.hold.hyphenated());
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        let hold = ObjectId::parse(raw.hold?).ok()?;
        Some(Self { hold })
    }
}

impl Details for BreachEntry {
    fn write(&self, object: &mut Object<'_>) {
        object.plain("breach", self.breach.to_string().as_bytes());
        object.integer("entry", self.entry);
        word(object, "kind", &self.kind);
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        Some(Self {
            breach: BreachId::parse(raw.breach?).ok()?,
            entry: raw.entry?.into(),
            kind: Word::recorded(raw.kind?)?,
        })
    }
}

impl Details for LogHead {
    fn write(&self, object: &mut Object<'_>) {
        object.plain("log", self.log.as_str().as_bytes());
        object.plain("root", &self.root.hex());
        object.integer("size", self.size);
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        Some(Self {
            log: Origin::new(raw.log?).ok()?,
            root: Hash::from_hex(raw.root?)?,
            size: raw.size?.into(),
        })
    }
}

impl Details for AnchorGivenUp {
    fn write(&self, object: &mut Object<'_>) {
        object.plain("root", &self.root.hex());
        object.integer("size", self.size);
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        Some(Self {
            root: Hash::from_hex(raw.root?)?,
            size: raw.size?.into(),
        })
    }
}

impl Details for Heartbeat {
    fn write(&self, object: &mut Object<'_>) {
        object.integer("logs", self.logs);
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        let logs = raw.logs?.into();
        Some(Self { logs })
    }
}

impl Details for LogKey {
    fn write(&self, object: &mut Object<'_>) {
        object.text("key", &self.key.to_string());
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        let key = VerifierKey::parse(raw.key?).ok()?;
        Some(Self { key })
    }
}

impl Details for ClockStep {
    fn write(&self, object: &mut Object<'_>) {
        object.integer("micros", self.micros);
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        let micros = raw.micros?.into();
        Some(Self { micros })
    }
}

impl Details for GuardReport {
    fn write(&self, object: &mut Object<'_>) {
        word(object, "cause", &self.cause);
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        let cause = Word::recorded(raw.cause?)?;
        Some(Self { cause })
    }
}

impl Details for RoleChange {
    fn write(&self, object: &mut Object<'_>) {
        word(object, "role", &self.role);
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        let role = Word::recorded(raw.role?)?;
        Some(Self { role })
    }
}

impl Details for Settings {
    fn write(&self, object: &mut Object<'_>) {
        object.array("changes", &self.0, |out, change| {
            Object::write(out, |object| {
                for (key, value) in [("after", change.after), ("before", change.before)] {
                    if let Some(value) = value {
                        object.integer(key, value);
                    }
                }
                word(object, "setting", &change.setting);
            });
        });
    }

    fn read(raw: &RawDetails<'_>) -> Option<Self> {
        let change = |raw: &RawChange<'_>| {
            Some(Change {
                after: raw.after.map(Count::new),
                before: raw.before.map(Count::new),
                setting: Word::recorded(raw.setting)?,
            })
        };
        let changes = raw.changes.as_ref()?.iter().map(change);
        Self::new(changes.collect::<Option<_>>()?).ok()
    }
}

fn word(object: &mut Object<'_>, key: &'static str, word: &Word) {
    object.plain(key, word.as_str().as_bytes());
}
