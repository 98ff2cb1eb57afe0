//! `audit ..`: the tamper-evident logs.

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use portcullis::audit_log::{LogHead, TileFile, Verified, whole_tiles};
use portcullis::{
    Admin, AdminError, AuditExport, AuditLog, AuditPolicy, Clock as _, DamagedLog, ExportedAudit,
    HeadsError, LogId, OpenError, SystemClock, UsageFormat,
};

use crate::cli::audit::{AuditCommand, EraseArgs, ExportArgs, OfLog, PruneArgs, UsageAs};
use crate::data::{self, Data};
use crate::show::audit::Progress;
use crate::{Failure, show};

/// What became of a command, as its exit code says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// All is sound, or there was nothing to judge.
    Sound,
    /// Somebody was at the log.
    Tampered,
    /// Sound, but for records that were removed and are declared to be.
    Incomplete,
}

/// The exit code for words that make no sense.
pub(crate) const USAGE: u8 = 3;

pub(crate) async fn run(data: &Data, command: AuditCommand) -> ExitCode {
    let mut verdict = Verdict::Sound;
    let done = match policy(data, &command) {
        Ok(policy) => {
            let work = async |admin: Admin| {
                verdict = act(&admin, command).await?;
                Ok(())
            };
            data.administer_under(policy, work).await
        }
        Err(why) => Err(why),
    };
    match done {
        Ok(()) => ExitCode::from(match verdict {
            Verdict::Sound => 0,
            Verdict::Tampered => 1,
            Verdict::Incomplete => 2,
        }),
        Err(failure) => {
            // A log that ends before the head that is kept of it is nothing to open a gateway on, and a finding.
            let went_back = failure
                .downcast_ref()
                .is_some_and(|why| matches!(why, OpenError::Heads(HeadsError::WentBack { .. })));
            if went_back {
                show::audit::tampered(&*failure);
                return ExitCode::from(1);
            }
            show::failure(&*failure);
            ExitCode::from(USAGE)
        }
    }
}

fn policy(data: &Data, command: &AuditCommand) -> Result<AuditPolicy, Failure> {
    let policy = data.audit_policy();
    Ok(match command {
        AuditCommand::DangerouslyGiveUpHeads => policy.dangerously_give_up_heads(data::operator()?),
        AuditCommand::Tail { .. }
        | AuditCommand::Verify { .. }
        | AuditCommand::Export(_)
        | AuditCommand::Prove { .. }
        | AuditCommand::Usage { .. }
        | AuditCommand::Prune(_)
        | AuditCommand::Erase(_)
        | AuditCommand::Checkpoint { .. } => policy,
    })
}

async fn act(admin: &Admin, command: AuditCommand) -> Result<Verdict, Failure> {
    match command {
        AuditCommand::Tail { log, count } => tail(admin, log, count).await,
        AuditCommand::Verify { log, all, known } => {
            let mut heads = Vec::new();
            for file in known {
                heads.extend(heads_in(admin, &file)?);
            }
            match all {
                true => verify_all(admin, &comparable(admin, heads).await?).await,
                false => verify(admin, id(admin, log).await?, heads).await,
            }
        }
        AuditCommand::Export(args) => export(admin, args).await,
        AuditCommand::DangerouslyGiveUpHeads => {
            show::done(
                "heads that the database does not reach are given up; each log whose head it was says so. `audit verify --all` has the \
                 last word",
            );
            Ok(Verdict::Sound)
        }
        AuditCommand::Usage { format, from } => usage(admin, format, from).await,
        AuditCommand::Prune(args) => prune(admin, args).await,
        AuditCommand::Erase(args) => erase(admin, args).await,
        AuditCommand::Prove { log, seq, to } => {
            let (record, proof) = admin.prove_audit(id(admin, log).await?, seq).await?;
            let (entry, file) = (
                to.join(format!("{seq}.json")),
                to.join(format!("{seq}.tlog-proof")),
            );
            write_new(&entry, &record.bytes)?;
            write_new(&file, proof.to_text().as_bytes())?;
            let text = format!(
                "record {seq} is in {} and its proof in {}",
                entry.display(),
                file.display()
            );
            show::done(&text);
            Ok(Verdict::Sound)
        }
        AuditCommand::Checkpoint { log } => {
            let log = begun(admin, log).await?;
            io::stdout().write_all(log.head.note())?;
            show::audit::verified_by(&log);
            Ok(Verdict::Sound)
        }
    }
}

async fn tail(admin: &Admin, log: OfLog, count: u64) -> Result<Verdict, Failure> {
    let log = begun(admin, log).await?;
    let from = log.head.size().saturating_sub(count).max(log.minimum);
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    for found in admin.audit_records(log.id, from, limit).await? {
        show::audit::record(&found);
    }
    Ok(Verdict::Sound)
}

/// The heads in a file that was kept elsewhere.
fn heads_in(admin: &Admin, file: &Path) -> Result<Vec<LogHead>, Failure> {
    let at = |why: &dyn Display| format!("{}: {why}", file.display());
    let text = fs::read(file).map_err(|why| at(&why))?;
    let heads = admin.audit_heads(&text).map_err(|why| at(&why))?;
    Ok(heads.iter().map(LogHead::from).collect())
}

/// Without those that lie among pruned records, where there is a later one: an anchor has heads of all times.
async fn comparable(admin: &Admin, heads: Vec<LogHead>) -> Result<Vec<LogHead>, Failure> {
    let mut left = heads.clone();
    for log in admin.audit_logs().await.unwrap_or_default() {
        let own = |head: &LogHead| head.log == *log.head.origin();
        let is_there = |head: &LogHead| head.size.get() >= log.minimum;
        if heads.iter().any(|head| own(head) && is_there(head)) {
            left.retain(|head| !own(head) || is_there(head));
        }
    }
    Ok(left)
}

async fn verify(admin: &Admin, log: LogId, known: Vec<LogHead>) -> Result<Verdict, Failure> {
    let mut heads = comparable(admin, known).await?;
    if let Some(log) = admin.audit_log(log).await.ok().flatten() {
        let name = log.head.origin();
        let given = !heads.is_empty();
        heads.retain(|head| head.log == *name);
        if given && heads.is_empty() {
            return Err(format!(
                "there is no head of {name} in what was given; see --system and --all"
            )
            .into());
        }
    }
    let known = heads.as_slice();
    let mut progress = Progress::new("verified");
    let verified = admin
        .verify_audit(log, known, |done, all| progress.at(done, all))
        .await;
    progress.end();
    match verified {
        Err(AdminError::Damaged(why)) => Ok(judged(Err(why))),
        verified => Ok(judged(Ok(verified?))),
    }
}

async fn verify_all(admin: &Admin, known: &[LogHead]) -> Result<Verdict, Failure> {
    let mut progress = Progress::new("verified");
    let verdicts = admin
        .verify_audit_logs(known, |done, all| progress.at(done, all))
        .await;
    progress.end();
    let verdicts: Vec<Verdict> = verdicts?.into_iter().map(judged).collect();
    let worst = [Verdict::Tampered, Verdict::Incomplete];
    let found = worst.into_iter().find(|worst| verdicts.contains(worst));
    Ok(found.unwrap_or(Verdict::Sound))
}

/// Says what came of one log.
fn judged(verified: Result<Verified, DamagedLog>) -> Verdict {
    match verified {
        Ok(verified) => {
            show::audit::verified(&verified);
            match verified.minimum {
                0 => Verdict::Sound,
                _ => Verdict::Incomplete,
            }
        }
        Err(why) => {
            show::audit::tampered(&why);
            Verdict::Tampered
        }
    }
}

async fn export(admin: &Admin, args: ExportArgs) -> Result<Verdict, Failure> {
    let log = begun(admin, args.log).await?;
    let mut progress = Progress::new("exported");
    let shown = |done, all| progress.at(done, all);
    let exported = match (args.as_records(), &args.to) {
        (None, None) => {
            return Err("tiles are many files: name their folder, with --to DIR".into());
        }
        (None, Some(_)) if args.after.is_some() => {
            return Err("tiles are always of the whole log; leave out --after".into());
        }
        (None, Some(folder)) => tiles(admin, log.id, folder, shown).await,
        (Some(records), to) => self::records(admin, log.id, records, to.as_deref(), shown).await,
    };
    progress.end();
    let exported = match exported {
        Err(AdminError::Damaged(why)) => {
            show::audit::tampered(&why);
            return Ok(Verdict::Tampered);
        }
        exported => exported?,
    };
    show::audit::exported(&exported, args.to.as_deref());
    let asked = args.after.map_or(exported.first, |seq| seq + 1);
    if asked < exported.first {
        show::warning(&format!(
            "records {asked} to {} were pruned before they were exported",
            exported.first - 1
        ));
        return Ok(Verdict::Incomplete);
    }
    Ok(Verdict::Sound)
}

async fn tiles(
    admin: &Admin,
    log: LogId,
    folder: &Path,
    progress: impl FnMut(u64, u64),
) -> Result<ExportedAudit, AdminError> {
    let write = |file: TileFile| {
        let path = folder.join(&file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, file.bytes)
    };
    admin.export_audit_tiles(log, write, progress).await
}

/// Into a file that only its owner reads, as it tells who did what from where; or to standard output.
async fn records(
    admin: &Admin,
    log: LogId,
    records: AuditExport,
    to: Option<&Path>,
    progress: impl FnMut(u64, u64),
) -> Result<ExportedAudit, AdminError> {
    let Some(path) = to else {
        let mut out = io::stdout().lock();
        let exported = admin
            .export_audit(log, records, |bytes| out.write_all(bytes), progress)
            .await?;
        out.flush()?;
        return Ok(exported);
    };
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = io::BufWriter::new(options.open(path)?);
    let exported = admin
        .export_audit(log, records, |bytes| out.write_all(bytes), progress)
        .await?;
    // Durable before the cursor is told.
    out.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok(exported)
}

async fn usage(
    admin: &Admin,
    format: UsageAs,
    from: Option<NaiveDate>,
) -> Result<Verdict, Failure> {
    let now = SystemClock::new().now().utc;
    let from = from.map_or(now - TimeDelta::days(1), |day| {
        day.and_time(NaiveTime::MIN).and_utc()
    });
    let format = match format {
        UsageAs::Otel => UsageFormat::OpenTelemetry,
        UsageAs::Ocsf => UsageFormat::Ocsf,
    };
    let org = data::tenant(admin).await?.0.id;
    let mut out = io::stdout().lock();
    let calls = admin
        .export_usage(org, from, now, format, |line| out.write_all(line))
        .await?;
    out.flush()?;
    show::done(&format!("{calls} calls since {from}"));
    Ok(Verdict::Sound)
}

async fn prune(admin: &Admin, args: PruneArgs) -> Result<Verdict, Failure> {
    let log = begun(admin, args.log).await?;
    let before = args.before(SystemClock::new().now().utc);
    let below = admin.audit_records_before(log.id, before).await?;
    let below = whole_tiles(below.unwrap_or(0));
    let (name, minimum) = (log.head.origin(), log.minimum);
    if below <= minimum {
        show::done(&format!(
            "nothing of {name} can be removed: 256 records go at a time, and the oldest ones that are left have one of {before} or later"
        ));
    } else if args.dry_run {
        show::done(&format!(
            "records {minimum} to {} of {name} would be removed",
            below - 1
        ));
    } else {
        let removed = admin.prune_audit(log.id, below, "operator_request").await?;
        show::done(&format!(
            "{removed} records of {name} are removed, below {below}; the rest verifies, and a record says so"
        ));
    }
    Ok(Verdict::Sound)
}

async fn erase(admin: &Admin, args: EraseArgs) -> Result<Verdict, Failure> {
    let log = begun(admin, args.log).await?;
    let mut records = Vec::new();
    for range in &args.records {
        let count = range.end().saturating_sub(*range.start()).saturating_add(1);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let found = admin.audit_records(log.id, *range.start(), count).await?;
        records.extend(
            found
                .into_iter()
                .filter(|it| range.contains(&it.record.seq())),
        );
    }
    let fields = args.fields();
    let erased = admin
        .erase_audit(log.id, &records, &fields, args.reason.word())
        .await?;
    show::done(&match erased {
        0 => "there is nothing to erase in these records".to_owned(),
        erased => format!(
            "{erased} private fields are erased; the records stay and verify, and a record says so"
        ),
    });
    Ok(Verdict::Sound)
}

async fn id(admin: &Admin, log: OfLog) -> Result<LogId, Failure> {
    Ok(match log.system {
        true => LogId::System,
        false => LogId::Organization(data::tenant(admin).await?.0.id),
    })
}

async fn begun(admin: &Admin, log: OfLog) -> Result<AuditLog, Failure> {
    let id = id(admin, log).await?;
    Ok(admin
        .audit_log(id)
        .await?
        .ok_or("nothing is recorded in this log yet")?)
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|why| format!("{}: {why}", path.display()).into())
}
