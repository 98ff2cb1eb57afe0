//! Seals drafts into a log, inside the transaction that holds its head.

use std::path::Path;
use std::sync::{Arc, Mutex};

use getrandom::SysRng;
use portcullis_audit::{
    Action, AnchorGivenUp, Batch, Checkpoint, Event, Head, Origin, Signer, VerifierKey,
};
use portcullis_store::{
    AuditDraft, ChangeSet, LogHeadRow, LogId, NotSealed, Outcome, SealStep, StoreError,
    StoreErrorKind, UnixMicros,
};

use super::events::{self, Acting, Said};
use super::heads::{self, Heads, HeadsError};
use super::policy::AuditPolicy;
use crate::OpenError;
use crate::clock::Clock;
use crate::convert;
use crate::lock::lock;
use crate::stores::Stores;

/// What continues the logs of this instance.
pub(crate) struct Sealer {
    signer: Box<dyn Signer>,
    host: Box<str>,
    pub(crate) heads: Heads,
}

/// What an append records beside the outbox.
#[derive(Default)]
pub(crate) struct Job {
    /// More of the last draft, which is the set's own.
    pub(crate) said: Said,
    /// Events that no draft stands for.
    pub(crate) events: Vec<Event>,
    /// The record that ends the append, made when its place is known.
    pub(crate) last: Option<Box<dyn Fn(u64) -> Event + Send>>,
}

impl From<Vec<Event>> for Job {
    fn from(events: Vec<Event>) -> Self {
        Self {
            events,
            ..Self::default()
        }
    }
}

/// The head that a transaction will leave, to be kept once it has.
pub(crate) struct Sealing {
    sealer: Arc<Sealer>,
    head: Arc<Mutex<Option<Checkpoint>>>,
}

impl Sealer {
    /// A sealer for the logs of this database, whose names are fixed by its system log.
    pub(crate) async fn open(
        stores: &Stores,
        signer: impl Signer + 'static,
        policy: AuditPolicy,
        clock: &dyn Clock,
    ) -> Result<Arc<Self>, OpenError> {
        let logs = stores.logs().await?;
        let system = logs.iter().find(|(log, ..)| *log == LogId::System);
        let named = system.and_then(|(_, head, _)| head.origin.strip_suffix(SYSTEM));
        let asked = policy.checked_host()?;
        let host: Box<str> = match (named, asked) {
            (Some(named), Some(asked)) if named != asked => {
                return Err(OpenError::AuditHost {
                    given: asked.to_owned(),
                    named: named.to_owned(),
                });
            }
            (Some(host), _) | (None, Some(host)) => host.into(),
            (None, None) => DEFAULT_HOST.into(),
        };
        let folder = policy.heads;
        let public = signer.public_key();
        let key = |origin: &Origin| VerifierKey::new(origin.clone(), &public).ok();
        let mut sealer = Self {
            heads: Heads::open(folder.as_deref(), policy.anchors, key)?,
            signer: Box::new(signer),
            host,
        };
        // Read after the folder: another process may have appended, and kept its head, since the first look.
        let lost = sealer.unreached(&stores.logs().await?);
        let folder = folder.unwrap_or_default();
        let Some(actor) = policy.giving_up else {
            return match lost.into_iter().next() {
                None => Ok(Arc::new(sealer)),
                Some((head, why)) => Err(HeadsError::WentBack {
                    origin: head.origin().to_string(),
                    path: heads::file(&folder, head.origin()),
                    why,
                }
                .into()),
            };
        };
        for (head, _) in &lost {
            sealer.heads.forget(head.origin());
        }
        let sealer = Arc::new(sealer);
        for (head, why) in lost {
            tracing::warn!(log = %head.origin(), %why, "the kept head of an audit log is given up");
            sealer
                .give_up(stores, &folder, &head, &actor, clock)
                .await?;
        }
        Ok(sealer)
    }

    /// Puts on record that a log goes on from before a head that was kept of it.
    async fn give_up(
        self: &Arc<Self>,
        stores: &Stores,
        folder: &Path,
        head: &Checkpoint,
        actor: &portcullis_store::Actor,
        clock: &dyn Clock,
    ) -> Result<(), OpenError> {
        let actor = events::actor(actor).map_err(|why| {
            StoreError::new(StoreErrorKind::NotSealed, why.to_string()).nothing_written()
        })?;
        let acting = Acting {
            actor,
            ..Acting::system(convert::micros(clock.now().utc))
        };
        let given_up = Action::AuditAnchorGivenUp(AnchorGivenUp {
            root: *head.root(),
            size: head.size().into(),
        });
        let log = self.log_of(head.origin());
        let job = Job::from(vec![acting.did(given_up)]);
        let (step, sealing) = self.step(log, clock, job);
        stores.append(log, step).await?;
        // The larger head stays in a file, so it has to go first.
        heads::put_away(folder, head.origin())?;
        sealing.committed().await;
        Ok(())
    }

    /// Whose log a name is; the system's own where it is nobody's.
    fn log_of(&self, origin: &Origin) -> LogId {
        let prefix = format!("{}/audit/", self.host);
        let org = origin.as_str().strip_prefix(&prefix);
        let org = org.and_then(|id| id.parse().ok());
        org.map_or(LogId::System, LogId::Organization)
    }

    /// A sealer for the very first record of a database, under a key that it brings along.
    pub(crate) fn first(
        signer: impl Signer + 'static,
        policy: &AuditPolicy,
    ) -> Result<Arc<Self>, OpenError> {
        Ok(Arc::new(Self {
            signer: Box::new(signer),
            host: policy.checked_host()?.unwrap_or(DEFAULT_HOST).into(),
            heads: Heads::default(),
        }))
    }

    /// The name of a log.
    pub(crate) fn origin(&self, log: LogId) -> Result<Origin, NotSealed> {
        let origin = match log {
            LogId::System => Origin::system(&self.host),
            LogId::Organization(id) => Origin::organization(
                &self.host,
                portcullis_audit::ObjectId::from_bytes(*id.as_bytes()),
            ),
        };
        origin.map_err(|why| NotSealed(why.to_string()))
    }

    /// The key that verifies the heads of a log.
    pub(crate) fn verifier(&self, origin: &Origin) -> Result<VerifierKey, NotSealed> {
        let key = VerifierKey::of(origin.clone(), &*self.signer);
        key.map_err(|why| NotSealed(why.to_string()))
    }

    /// A stored head, if it is what was signed.
    pub(crate) fn load(&self, log: LogId, row: &LogHeadRow) -> Result<Head, NotSealed> {
        let origin = self.origin(log)?;
        let head = self.head_of(&origin, row);
        head.map_err(|why| NotSealed(format!("{origin}: {why}")))
    }

    /// The stored head of the log of this name; or what is wrong with it.
    pub(crate) fn head_of(&self, origin: &Origin, row: &LogHeadRow) -> Result<Head, String> {
        let key = self.verifier(origin).map_err(|why| why.to_string())?;
        let head = Head::load(&convert::audit::head_row(row), &[key]);
        let head = head.map_err(|why| why.to_string())?;
        match head.origin() == origin {
            true => Ok(head),
            false => Err(format!("the head of {} stands in its place", head.origin())),
        }
    }

    /// The step that seals the outbox, the set's own draft and `job` into `log`; and what is to be done when it has become durable.
    pub(crate) fn step(
        self: &Arc<Self>,
        log: LogId,
        clock: &dyn Clock,
        job: Job,
    ) -> (SealStep, Sealing) {
        let head = Arc::new(Mutex::new(None));
        let sealing = Sealing {
            sealer: Arc::clone(self),
            head: Arc::clone(&head),
        };
        let sealer = Arc::clone(self);
        let begun = convert::micros(clock.now().utc);
        let step = move |stored: Option<&LogHeadRow>, drafts: &[AuditDraft]| {
            let batch = sealer.seal(log, stored, drafts, &job, begun)?;
            *lock(&head) = Some(batch.head.checkpoint().clone());
            Ok(convert::audit::sealed(batch))
        };
        (Box::new(step), sealing)
    }

    fn seal(
        &self,
        log: LogId,
        stored: Option<&LogHeadRow>,
        drafts: &[AuditDraft],
        job: &Job,
        begun: UnixMicros,
    ) -> Result<Batch, NotSealed> {
        let origin = self.origin(log)?;
        let stored = stored.map(|row| self.load(log, row)).transpose()?;
        let admitted = self
            .heads
            .admits(&origin, stored.as_ref().map(Head::checkpoint));
        admitted.map_err(|why| NotSealed(format!("{origin}: {why}")))?;
        let mut recorded = Vec::new();
        let head = match stored {
            Some(head) => head,
            None => {
                let head = Head::create(origin, &*self.signer);
                recorded.push(Acting::system(begun).did(Action::AuditLogCreated));
                head.map_err(|why| NotSealed(why.to_string()))?
            }
        };
        let own = drafts.len().checked_sub(1);
        for (at, draft) in drafts.iter().enumerate() {
            let said = Some(&job.said).filter(|_| own == Some(at));
            recorded.push(events::of_draft(draft, said)?);
        }
        recorded.extend(job.events.iter().cloned());
        if let Some(last) = &job.last {
            let before = u64::try_from(recorded.len()).unwrap_or(u64::MAX);
            recorded.push(last(head.size().saturating_add(before)));
        }
        let batch = head.append(&recorded, &mut SysRng, &*self.signer);
        batch.map_err(|why| NotSealed(why.to_string()))
    }

    /// The heads that are kept outside and that the database does not reach, and why.
    fn unreached(&self, logs: &[(LogId, LogHeadRow, u64)]) -> Vec<(Checkpoint, String)> {
        self.heads.compare(|origin| {
            let found = logs
                .iter()
                .find(|(_, row, _)| row.origin == origin.as_str());
            let head = found.map(|(_, row, _)| self.head_of(origin, row));
            head.map(|head| head.map(|head| head.checkpoint().clone()))
                .transpose()
        })
    }
}

impl Sealing {
    /// The transaction is durable: its head is kept outside of the database before anybody hears of it.
    pub(crate) async fn committed(self) -> Option<Checkpoint> {
        let head = lock(&self.head).take()?;
        self.sealer.heads.keep(head.clone()).await;
        Some(head)
    }
}

impl Stores {
    /// Commits a set together with its record, of which `said` may say more than the set's draft.
    pub(crate) async fn commit_recorded(
        &self,
        set: ChangeSet,
        sealer: &Arc<Sealer>,
        clock: &dyn Clock,
        said: Said,
    ) -> Result<Outcome, StoreError> {
        let job = Job {
            said,
            ..Job::default()
        };
        let (step, sealing) = sealer.step(set.log(), clock, job);
        let outcome = self.commit(set, step).await?;
        if let Outcome::Committed { .. } = outcome {
            sealing.committed().await;
        }
        Ok(outcome)
    }

    /// Appends to a log, with whatever waits in its outbox. The head that the log has then.
    pub(crate) async fn record(
        &self,
        sealer: &Arc<Sealer>,
        log: LogId,
        clock: &dyn Clock,
        job: impl Into<Job>,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let (step, sealing) = sealer.step(log, clock, job.into());
        self.append(log, step).await?;
        Ok(sealing.committed().await)
    }
}

/// The end of the system log's name.
const SYSTEM: &str = "/audit/system";
const DEFAULT_HOST: &str = "portcullis";
