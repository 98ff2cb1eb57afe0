//! Reading a long list part by part.

use portcullis_store::Page;

/// Which part of a list is to be read: the next one, until a part was not full.
pub(crate) struct Pages<Id> {
    next: Option<Page<Id>>,
}

impl<Id: Copy> Pages<Id> {
    /// Parts of `limit` rows, from the beginning.
    pub(crate) fn of(limit: usize) -> Self {
        Self {
            next: Some(Page::first(limit)),
        }
    }

    /// The part to read, if there may be one.
    pub(crate) fn part(&self) -> Option<Page<Id>> {
        self.next
    }

    /// Takes note of what that part held.
    pub(crate) fn read<Row>(&mut self, rows: &[Row], id: impl Fn(&Row) -> Id) {
        let full = self.next.filter(|page| rows.len() >= page.limit);
        self.next = full.map(|page| Page {
            after: rows.last().map(id),
            ..page
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_until_one_is_not_full() {
        let all: Vec<u32> = (0..7).collect();
        for limit in 1..=8 {
            let mut pages = Pages::of(limit);
            let mut seen = Vec::new();
            while let Some(page) = pages.part() {
                let behind = all
                    .iter()
                    .filter(|id| Some(**id) > page.after || page.after.is_none());
                let rows: Vec<u32> = behind.take(page.limit).copied().collect();
                pages.read(&rows, |id| *id);
                seen.extend(rows);
            }
            assert_eq!(seen, all, "in parts of {limit}");
        }
    }
}
