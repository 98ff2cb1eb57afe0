//! `audit ..`: the tamper-evident logs.

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use portcullis::audit_log::{LogHead, TileFile, Verified};
use portcullis::{
    Admin, AdminError, AuditExport, AuditLog, DamagedLog, ExportedAudit, HeadsError, LogId,
    OpenError,
};

use crate::cli::audit::{AuditCommand, ExportArgs, OfLog};
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

pub(crate) async fn run(folder: &Path, command: AuditCommand) -> ExitCode {
    let data = Data::at(folder);
    let mut verdict = Verdict::Sound;
    let done = data
        .administer(async |admin| {
            verdict = act(&admin, command).await?;
            Ok(())
        })
        .await;
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

async fn act(admin: &Admin, command: AuditCommand) -> Result<Verdict, Failure> {
    match command {
        AuditCommand::Tail { log, count } => tail(admin, log, count).await,
        AuditCommand::Verify { log, all, known } => {
            let heads = known.iter().map(|file| head(admin, file));
            let heads: Vec<LogHead> = heads.collect::<Result<_, _>>()?;
            match all {
                true => verify_all(admin, &heads).await,
                false => verify(admin, id(admin, log).await?, &heads).await,
            }
        }
        AuditCommand::Export(args) => export(admin, args).await,
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

/// A head that was kept elsewhere.
fn head(admin: &Admin, file: &Path) -> Result<LogHead, Failure> {
    let at = |why: &dyn Display| format!("{}: {why}", file.display());
    let note = fs::read(file).map_err(|why| at(&why))?;
    let head = admin.audit_head(&note).map_err(|why| at(&why))?;
    Ok(LogHead::from(&head))
}

async fn verify(admin: &Admin, log: LogId, known: &[LogHead]) -> Result<Verdict, Failure> {
    if let Some(log) = admin.audit_log(log).await.ok().flatten() {
        let name = log.head.origin();
        if let Some(other) = known.iter().find(|head| head.log != *name) {
            let other = &other.log;
            let why = format!(
                "that is a head of {other}, and {name} was to be verified; see --system and --all"
            );
            return Err(why.into());
        }
    }
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
