//! `pi edits`: the record of what Pi changed, without a session and without an editor.
//!
//! What an editor has open and unsaved is not seen from here: its changes are named and reviewed there.

use std::{collections::HashSet, fmt::Write as _, path::Path, process::ExitCode, sync::Arc};

use pi_core::visible::visible;
use pi_host::{
    ledger::{FoundHunk, Last, Limits, Outcome, Review, Select, Status, Verb, Whole},
    paths,
};

use crate::{
    cli::{EditsCommand, MadeArgs, SessionArgs},
    completions::print_text,
    compose::{Compose, ledger_limits},
    review::{hunk_id, hunk_number, status},
};

/// Carries out one of the commands for the project that the current folder is in.
///
/// # Errors
/// The record cannot be used, or an id is none.
pub async fn run(command: EditsCommand) -> anyhow::Result<ExitCode> {
    let compose = Compose::new(SessionArgs::default())?;
    let folder = paths::canonical(compose.cwd());
    let project = compose.review(compose.cwd()).ledger().project_of(&folder)?;
    let review = compose.review(project.as_deref().unwrap_or(compose.cwd()));
    match command {
        EditsCommand::List { file, all } => {
            list(&compose, &review, select(&compose, file.as_deref()), all).await
        }
        EditsCommand::Diff { file, made } => {
            let select = made_by(&review, made, select(&compose, file.as_deref())).await?;
            let patches = review.diff(&select).await?;
            print_text(&patches.into_iter().map(|it| it.diff).collect::<String>())
        }
        EditsCommand::Revert(args) => {
            let select = Select { hunks: numbers(&args.hunks)?, ..select(&compose, args.file.as_deref()) };
            let select = made_by(&review, args.made, select).await?;
            decide(&review, &select, Verb::Revert, args.dry_run.is_set).await
        }
        EditsCommand::Redo { hunks, dry_run } => {
            let mut select = Select { hunks: numbers(&hunks)?, ..Select::default() };
            if hunks.is_empty() {
                select.decision = Last::of(&review.look().await?.hunks).decision;
                if select.decision.is_none() {
                    return print_text("Nothing was decided yet\n");
                }
            }
            decide(&review, &select, Verb::Redo, dry_run.is_set).await
        }
        EditsCommand::Gc { days, megabytes } => {
            let set = ledger_limits(&compose.settings(compose.cwd()).values());
            let limits = Limits {
                days: days.unwrap_or(set.days),
                bytes: megabytes.map_or(set.bytes, |it| it.saturating_mul(1 << 20)),
            };
            if !review.ledger().is_there() {
                return print_text("Nothing was recorded yet.\n");
            }
            let pruned = review.ledger().collect(&limits)?;
            let size = pruned.bytes as f64 / f64::from(1 << 20);
            print_text(&format!(
                "Forgot {} edits; {} are left in {size:.1} MiB.\n",
                pruned.edits, pruned.left
            ))
        }
    }
}

fn select(compose: &Compose, file: Option<&Path>) -> Select {
    let path = file.map(|it| paths::canonical(&paths::absolute(compose.cwd(), it)));
    Select { path, ..Select::default() }
}

async fn list(
    compose: &Compose,
    review: &Arc<Review>,
    select: Select,
    all: bool,
) -> anyhow::Result<ExitCode> {
    let mut found = review.find(&select).await?;
    found.retain(|it| match all {
        true => it.status != Status::Superseded,
        false => it.status == Status::Pending || it.unsaved,
    });
    if found.is_empty() {
        return print_text("Nothing to review\n");
    }
    let mut text = String::new();
    if review.root() != paths::canonical(compose.cwd()) {
        let _infallible = writeln!(text, "In {}", review.root().display());
    }
    let mut file = None;
    for it in &found {
        if file != Some(&it.path) {
            let name = it.path.strip_prefix(review.root()).unwrap_or(&it.path);
            let _infallible = writeln!(text, "{}", name.display());
            file = Some(&it.path);
        }
        let status = match it.unsaved {
            true => "unsaved in an editor".to_owned(),
            false => format!("{:?}", status(it)).to_lowercase(),
        };
        let place = match &it.whole {
            None => format!("line {}", it.start + 1),
            Some(Whole::Created) => "created".into(),
            Some(Whole::Deleted) => "deleted".into(),
            Some(Whole::Renamed { from, .. }) => {
                let from = Path::new(from);
                format!("renamed from {}", from.strip_prefix(review.root()).unwrap_or(from).display())
            }
        };
        let what = match &it.binary {
            Some(words) => format!("binary file {words}"),
            None => format!("+{} −{}  {place}", it.added, it.removed),
        };
        let id = hunk_id(it.id);
        let _infallible = writeln!(text, "  {id:<6} {status:<9} {what}  {}, turn {}", it.tool, it.turn);
    }
    print_text(&text)
}

fn numbers(hunks: &[String]) -> anyhow::Result<Vec<i64>> {
    let numbers: Result<_, _> = hunks.iter().map(|it| hunk_number(it)).collect();
    numbers.map_err(|error| anyhow::anyhow!(error.message))
}

/// Narrows a choice to where changes came from. A turn without a session is one of the session that edited last.
async fn made_by(review: &Arc<Review>, made: MadeArgs, select: Select) -> anyhow::Result<Select> {
    let MadeArgs { turn, prompt, session } = made;
    let of_session = match (&session, turn) {
        (None, None) => None,
        (begin, _) => {
            let all = review.look().await?.hunks;
            let fits = |it: &&FoundHunk| begin.as_deref().is_none_or(|begin| it.session.starts_with(begin));
            let mut found: Vec<_> = all.iter().filter(fits).collect();
            found.sort_by_key(|it| (it.time, it.id));
            let Some(last) = found.last() else {
                anyhow::bail!("no session whose id starts with this has changed anything here")
            };
            if begin.is_some() && found.iter().any(|it| it.session != last.session) {
                anyhow::bail!("several sessions have an id that starts with this; give more of it")
            }
            Some(last.session.clone())
        }
    };
    Ok(Select { session: of_session, turn, prompts: prompt.map(|it| vec![it]), ..select })
}

async fn decide(
    review: &Arc<Review>,
    select: &Select,
    verb: Verb,
    dry_run: bool,
) -> anyhow::Result<ExitCode> {
    let number = (!dry_run).then(|| review.ledger().next_decision());
    let Outcome { changed, refused, files, not_restored, .. } = review.decide(select, verb, number).await?;
    for it in &refused {
        crate::complain(&format!("{}: {}", hunk_id(it.hunk), it.reason));
    }
    for it in &not_restored {
        crate::complain(&format!("what this command changed beside that stays: {}", visible(it)));
    }
    let files: HashSet<_> = files.into_iter().collect();
    let many =
        |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    let (done, would) = match verb {
        Verb::Redo => ("Put back", "put back"),
        _ => ("Reverted", "revert"),
    };
    let done = print_text(&match (changed.len(), dry_run) {
        (0, _) => format!("Nothing {}\n", if dry_run { "would change" } else { "was changed" }),
        (count, true) => {
            format!("Would {would} {} in {}\n", many(count, "change"), many(files.len(), "file"))
        }
        (count, false) => format!("{done} {} in {}\n", many(count, "change"), many(files.len(), "file")),
    })?;
    Ok(if refused.is_empty() { done } else { ExitCode::FAILURE })
}
