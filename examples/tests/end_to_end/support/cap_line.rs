//! A line of `limits show`.

/// What `limits show` says of one cap, by the words of its header.
#[derive(Debug)]
pub(crate) struct CapLine(Vec<(String, String)>);

impl CapLine {
    /// The line of the cap whose owner begins with `whose`, and which has `window` in its words.
    pub(crate) fn find(shown: &str, whose: &str, window: &str) -> Option<Self> {
        let mut lines = shown.lines();
        let header = cells(lines.next()?);
        let cells = lines.take_while(|line| !line.is_empty()).map(cells);
        let mut found = cells.filter(|cells| {
            cells[0].starts_with(whose) && cells[1].contains(&format!(" {window}"))
        });
        let line = found.next()?;
        assert_eq!(line.len(), header.len(), "{shown}");
        assert!(found.next().is_none(), "two lines: {shown}");
        Some(Self(header.into_iter().zip(line).collect()))
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.try_get(name)
            .unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    pub(crate) fn try_get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// An amount of dollars, in billionths.
    pub(crate) fn nanos(&self, name: &str) -> i64 {
        portcullis::NanoUsd::parse(self.get(name)).unwrap().nanos()
    }
}

/// Columns are at least two spaces apart.
fn cells(line: &str) -> Vec<String> {
    let cells = line.split("  ").map(str::trim);
    cells
        .filter(|cell| !cell.is_empty())
        .map(str::to_owned)
        .collect()
}
