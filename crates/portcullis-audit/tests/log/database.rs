//! A database that its owner does not care for.

use getrandom::SysRng;
use portcullis_audit::*;

pub(crate) fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed(&[1; 32])
}

pub(crate) fn origin() -> Origin {
    Origin::new("gate.example/audit/system").unwrap()
}

pub(crate) fn keys() -> [VerifierKey; 1] {
    [VerifierKey::of(origin(), &signer()).unwrap()]
}

pub(crate) fn event(number: i64) -> Event {
    let at = Timestamp::from_micros(1_795_330_515_000_000 + number);
    Event::new(at, Actor::System, Action::NodeStarted, Target::Instance)
}

/// What lies in the database: the rows of one log, and its head.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) rows: Vec<Row>,
    pub(crate) head: HeadRow,
}

#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) seq: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) hashes: Vec<u8>,
}

impl Database {
    pub(crate) fn of(size: i64) -> Self {
        let head = Head::create(origin(), &signer()).unwrap();
        let mut database = Self {
            rows: Vec::new(),
            head: head.to_row(),
        };
        database.append(size);
        database
    }

    pub(crate) fn append(&mut self, count: i64) {
        let head = Head::load(&self.head, &keys()).unwrap();
        let events: Vec<Event> = (0..count).map(event).collect();
        self.take(head.append(&events, &mut SysRng, &signer()).unwrap());
    }

    pub(crate) fn take(&mut self, batch: Batch) {
        self.head = batch.head.to_row();
        let row = |entry: Entry| Row {
            seq: entry.seq,
            bytes: entry.bytes,
            hashes: entry.hashes,
        };
        self.rows.extend(batch.entries.into_iter().map(row));
    }

    pub(crate) fn head(&self) -> LogHead {
        LogHead::from(Head::load(&self.head, &keys()).unwrap().checkpoint())
    }

    pub(crate) fn verify(&self) -> Result<Verified, Damage> {
        self.verify_against(&[])
    }

    pub(crate) fn verify_against(&self, known: &[LogHead]) -> Result<Verified, Damage> {
        let head = Head::load(&self.head, &keys()).unwrap();
        let start = Ok(Verifier::new(&head));
        let verifier = known
            .iter()
            .cloned()
            .fold(start, |verifier, known| verifier?.known(known));
        self.feed(verifier?, true)
    }

    pub(crate) fn feed(
        &self,
        mut verifier: Verifier,
        with_hashes: bool,
    ) -> Result<Verified, Damage> {
        for row in &self.rows {
            verifier.push(StoredEntry {
                seq: row.seq,
                bytes: &row.bytes,
                hashes: if with_hashes { &row.hashes } else { &[] },
            })?;
        }
        verifier.finish()
    }

    /// Changes a record as somebody would who does not care for hashes.
    pub(crate) fn edit(&mut self, at: usize) {
        let text = String::from_utf8(self.rows[at].bytes.clone()).unwrap();
        self.rows[at].bytes = text.replace("node.started", "node.stopped").into_bytes();
    }

    /// The same, and the stored hashes are brought up to date.
    pub(crate) fn edit_with_hashes(&mut self, at: usize) {
        self.edit(at);
        self.rehash(at);
    }

    pub(crate) fn rehash(&mut self, at: usize) {
        let leaf = Hash::leaf(&self.rows[at].bytes);
        self.rows[at].hashes[..32].copy_from_slice(leaf.as_bytes());
    }

    /// Gives every row the number of its position.
    pub(crate) fn renumber(&mut self) {
        for (row, seq) in self.rows.iter_mut().zip(0..) {
            row.seq = seq;
        }
    }
}

pub(crate) fn damage(seq: u64, kind: DamageKind) -> Result<Verified, Damage> {
    Err(Damage { seq, kind })
}
