//! Actions and commands on waiting hunks: keep, reject, look, go on to the next.

use std::{path::PathBuf, sync::Arc};

use lsp_types::{CodeActionKind, MessageType, Url};
use pi_core::visible::visible;
use pi_host::{
    ledger::{Last, Outcome, Select, Verb},
    paths,
};
use pi_protocol::CommandError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Offer, Place, commands::named};
use crate::{
    review::{self, hunk_id, hunk_number},
    transport::lsp::{
        connection::Connection, documents::file_path, hunks::Shown, messages::first_line, show,
    },
};

/// Characters of a command in a message.
const SHORT: usize = 40;

/// What can be done about the hunk at the place; elsewhere, about all of them.
pub fn offered(place: &Place<'_>) -> Vec<Offer> {
    if place.connection.capabilities().review {
        return Vec::new();
    }
    let all = place.connection.hunks.all();
    let Some(last) = all.last() else { return Vec::new() };
    let offer = |title: String, command: &'static str, argument: Value| Offer {
        kind: CodeActionKind::QUICKFIX,
        title,
        command,
        arguments: vec![argument],
    };
    let here = place.connection.hunks.at(place.uri, place.range);
    let next = |from: usize| all.iter().find(|it| it.number > from).or(all.first());
    let mut offers = Vec::new();
    if let Some(it) = here.first() {
        let argument = json!({ "hunk": hunk_id(it.hunk.id) });
        let of = format!("({} of {})", it.number, it.total);
        offers.push(offer(format!("keep this change {of}"), "pi.keep", argument.clone()));
        offers.push(offer(format!("reject this change {of}"), "pi.reject", argument.clone()));
        offers.push(offer("why this change?".into(), "pi.why", argument.clone()));
        offers.push(offer("show the old text".into(), "pi.oldText", argument));
        let in_file = all.iter().filter(|other| other.hunk.path == it.hunk.path).count();
        if in_file > 1 {
            let name = it.name();
            let argument = json!({ "uri": place.uri });
            offers.push(offer(format!("keep all {in_file} in {name}"), "pi.keepAll", argument.clone()));
            offers.push(offer(format!("reject all {in_file} in {name}"), "pi.rejectAll", argument));
        }
    } else {
        let changes =
            if last.total == 1 { "the 1 change".into() } else { format!("all {} changes", last.total) };
        offers.push(offer(format!("keep {changes}"), "pi.keepAll", json!({})));
    }
    let from = here.last().map_or(last.number, |it| it.number);
    if let Some(it) = next(from).filter(|it| here.iter().all(|here| here.hunk.id != it.hunk.id)) {
        let title = format!("next change → {}:{}", it.name(), it.hunk.start + 1);
        offers.push(offer(title, "pi.nextChange", json!({ "hunk": hunk_id(it.hunk.id) })));
    }
    offers
}

/// What a command is about: one hunk, one file, or everything that waits.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct About {
    hunk: Option<String>,
    uri: Option<Url>,
}

impl About {
    /// From an object, or from one word: the id of a hunk, or a file.
    fn of(connection: &Connection, arguments: &[Value]) -> Result<Self, CommandError> {
        match arguments.first() {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(Value::String(word)) if hunk_number(word).is_ok() => {
                Ok(Self { hunk: Some(word.clone()), uri: None })
            }
            Some(Value::String(word)) => Ok(Self { hunk: None, uri: Some(named(connection, word)?) }),
            Some(object) => serde_json::from_value(object.clone())
                .map_err(|error| CommandError::invalid(format!("needs {{hunk}} or {{uri}}: {error}"))),
        }
    }

    /// Those of one file, or all.
    fn many(connection: &Connection, arguments: &[Value]) -> Result<Select, CommandError> {
        let about = Self::of(connection, arguments)?;
        let hunks = about.hunk.as_deref().map(hunk_number).transpose()?.into_iter().collect();
        Ok(Select { hunks, path: about.file()?, ..Select::default() })
    }

    /// The one hunk that is meant; without a name the only one that waits.
    fn one(&self, connection: &Connection) -> Result<Shown, CommandError> {
        let all = connection.hunks.all();
        let found = match (&self.hunk, &*all) {
            (Some(id), _) => {
                let number = hunk_number(id)?;
                all.iter().find(|it| it.hunk.id == number).cloned()
            }
            (None, _) if self.uri.is_some() => {
                return Err(CommandError::invalid(
                    "needs the id of a hunk, like h12; the code actions have it",
                ));
            }
            (None, [only]) => Some(only.clone()),
            (None, []) => return Err(CommandError::failed("Nothing to review")),
            (None, _) => {
                return Err(CommandError::invalid("needs the id of a hunk; the code actions have it"));
            }
        };
        found.ok_or_else(|| CommandError::failed("This change does not wait any more"))
    }

    fn file(&self) -> Result<Option<PathBuf>, CommandError> {
        let Some(uri) = &self.uri else { return Ok(None) };
        let path = file_path(uri).ok_or_else(|| CommandError::invalid(format!("{uri} is no file")))?;
        Ok(Some(paths::canonical(&path)))
    }
}

/// `pi.keep`.
pub fn keep(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let it = About::of(connection, arguments)?.one(connection)?;
    decide(connection, Select { hunks: vec![it.hunk.id], ..Select::default() }, Verb::Accept);
    Ok(())
}

/// `pi.reject`.
pub fn reject(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let it = About::of(connection, arguments)?.one(connection)?;
    decide(connection, Select { hunks: vec![it.hunk.id], ..Select::default() }, Verb::Reject);
    Ok(())
}

/// `pi.keepAll`.
pub fn keep_all(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    decide(connection, About::many(connection, arguments)?, Verb::Accept);
    Ok(())
}

/// `pi.rejectAll`.
pub fn reject_all(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    decide(connection, About::many(connection, arguments)?, Verb::Reject);
    Ok(())
}

/// `pi.revert`: the edits of the last turn that are still there.
pub fn revert(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let about = About::of(connection, arguments)?;
    if let Some(id) = &about.hunk {
        decide(connection, Select { hunks: vec![hunk_number(id)?], ..Select::default() }, Verb::Revert);
        return Ok(());
    }
    let path = about.file()?;
    decide_last(connection, Verb::Revert, move |last| {
        let (session, turn) = last.turn?;
        Some(Select { path, session: Some(session), turn: Some(turn), ..Select::default() })
    });
    Ok(())
}

/// `pi.redo`: takes back the last decision.
pub fn redo(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    match About::of(connection, arguments)?.hunk {
        Some(id) => {
            decide(connection, Select { hunks: vec![hunk_number(&id)?], ..Select::default() }, Verb::Redo)
        }
        None => decide_last(connection, Verb::Redo, |last| {
            Some(Select { decision: Some(last.decision?), ..Select::default() })
        }),
    }
    Ok(())
}

/// `pi.why`: what the model said when it made the change.
pub fn why(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let it = About::of(connection, arguments)?.one(connection)?;
    let reason = it.cause.reason.map(|it| visible(&it.replace("\r\n", "\n")).into_owned());
    let reason = reason.unwrap_or_else(|| "Pi gave no reason for this change".into());
    let connection = connection.clone();
    tokio::spawn(async move { show::answer(&connection, "why.md", reason, "The reason is").await });
    Ok(())
}

/// `pi.oldText`: what was there before, in a file of its own.
pub fn old_text(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let it = About::of(connection, arguments)?.one(connection)?;
    let connection = connection.clone();
    tokio::spawn(async move {
        let name = format!("old-{}", it.name());
        show::text(&connection, &name, it.base, "The old text is").await;
    });
    Ok(())
}

/// `pi.nextChange`: goes to a hunk, the first one without a name.
pub fn next_change(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let about = About::of(connection, arguments)?;
    let it = match about.hunk {
        Some(_) => about.one(connection)?,
        None => {
            let first = connection.hunks.all().first().cloned();
            first.ok_or_else(|| CommandError::failed("Nothing to review"))?
        }
    };
    let connection = connection.clone();
    tokio::spawn(async move {
        let start = it.range().start;
        let said = format!("Next change: {}:{}", it.name(), start.line + 1);
        show::document(&connection, &it.uri, Some(start), &said).await;
    });
    Ok(())
}

/// Decides and says what came of it.
pub fn decide(connection: &Arc<Connection>, select: Select, verb: Verb) {
    let connection = connection.clone();
    tokio::spawn(async move { say(&connection, carry_out(&connection, Some(select), verb).await, verb) });
}

/// Decides about what is last in all folders together.
fn decide_last(
    connection: &Arc<Connection>,
    verb: Verb,
    select: impl FnOnce(Last) -> Option<Select> + Send + 'static,
) {
    let connection = connection.clone();
    tokio::spawn(async move {
        let done = match last(&connection).await {
            Ok(last) => carry_out(&connection, select(last), verb).await,
            Err(error) => Err(error),
        };
        say(&connection, done, verb);
    });
}

async fn last(connection: &Connection) -> Result<Last, CommandError> {
    let mut all = Vec::new();
    for folder in connection.folders().all() {
        let found = connection.hub.compose().review(&folder).look().await;
        all.extend(found.map_err(review::failed)?.hunks);
    }
    Ok(Last::of(&all))
}

/// One decision in all folders.
async fn carry_out(
    connection: &Connection,
    select: Option<Select>,
    verb: Verb,
) -> Result<Outcome, CommandError> {
    let mut total = Outcome::default();
    let Some(select) = select else { return Ok(total) };
    let mut number = None;
    for folder in connection.folders().all() {
        let review = connection.hub.compose().review(&folder);
        let number = *number.get_or_insert_with(|| review.ledger().next_decision());
        let outcome = review::decide(&connection.hub, &review, &select, verb, number).await?;
        total.changed.extend(outcome.changed);
        total.turned.extend(outcome.turned);
        total.not_restored.extend(outcome.not_restored);
        total.files.extend(outcome.files);
        total.refused.extend(outcome.refused.into_iter().filter(|it| !it.unknown));
    }
    Ok(total)
}

fn say(connection: &Connection, done: Result<Outcome, CommandError>, verb: Verb) {
    match done {
        Ok(outcome) => {
            let stays = stays(&outcome.not_restored).map(|it| format!(" – {it}")).unwrap_or_default();
            connection.messages.show(MessageType::INFO, &format!("{}{stays}", said(&outcome, verb)));
        }
        Err(error) => connection.messages.error(&error.message),
    }
}

/// What a revert leaves as it is.
fn stays(commands: &[String]) -> Option<String> {
    match commands {
        [] => None,
        [one] => Some(format!("what “{}” changed beside that stays", visible(&first_line(one, SHORT)))),
        many => Some(format!("what {} commands changed beside that stays", many.len())),
    }
}

/// One short line.
fn said(outcome: &Outcome, verb: Verb) -> String {
    let changes = |count: usize| if count == 1 { "1 change".to_owned() } else { format!("{count} changes") };
    if verb == Verb::Redo && outcome.turned.is_empty() && outcome.refused.is_empty() {
        match outcome.changed.len() {
            0 => {}
            1 => return "1 change waits again".into(),
            count => return format!("{count} changes wait again"),
        }
    }
    let done = match verb {
        Verb::Accept => "Kept",
        Verb::Reject => "Rejected",
        Verb::Revert => "Reverted",
        Verb::Redo => "Put back",
    };
    // What was taken out is not on the screen any more.
    let back = if matches!(verb, Verb::Reject | Verb::Revert) { " · Redo: pi.redo" } else { "" };
    match (outcome.changed.len(), outcome.refused.first()) {
        (0, Some(refusal)) => refusal.reason.clone(),
        (0, None) => "Nothing to review".into(),
        (count, None) => format!("{done} {}{back}", changes(count)),
        (count, Some(_)) => format!("{done} {}; your own text stayed{back}", changes(count)),
    }
}

#[cfg(test)]
mod tests {
    use pi_host::ledger::Refusal;

    use super::*;

    #[test]
    fn decisions_are_said_in_one_line() {
        let outcome = |changed: usize, refused: usize| Outcome {
            changed: vec![1; changed],
            turned: Vec::new(),
            not_restored: Vec::new(),
            refused: vec![
                Refusal { hunk: 1, reason: "You edited this since".into(), unknown: false };
                refused
            ],
            files: Vec::new(),
        };
        for (changed, refused, verb, expected) in [
            (3, 0, Verb::Accept, "Kept 3 changes"),
            (1, 1, Verb::Reject, "Rejected 1 change; your own text stayed · Redo: pi.redo"),
            (0, 1, Verb::Revert, "You edited this since"),
            (0, 0, Verb::Redo, "Nothing to review"),
            (1, 0, Verb::Redo, "1 change waits again"),
            (2, 0, Verb::Redo, "2 changes wait again"),
        ] {
            assert_eq!(said(&outcome(changed, refused), verb), expected);
        }
    }
}
