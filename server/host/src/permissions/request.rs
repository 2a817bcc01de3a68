//! The question about a call: the whole of it, why it is asked, and the answers there are.

use pi_core::{PermissionQuery, visible::visible};
use pi_protocol::{
    PermissionChoice, PermissionMode, PermissionOption, PermissionPart, PermissionRequest, ReviewMode,
};

use super::{
    boundary::{Boundary, Place},
    decide::{Decided, Decision, REVIEW_ASKS},
};

/// The question about a call that was decided to be asked. Its id and its diff are still to come.
pub fn of(query: &PermissionQuery, decided: Decided, boundary: &Boundary) -> PermissionRequest {
    let command = query.access.command.clone();
    let title = title(query, &decided, boundary);
    let cwd = boundary.root().to_string_lossy().into_owned();
    // What is stored for good would not be asked for again, and this mode asks.
    let edits = !query.access.writes.is_empty() || decided.parts.iter().any(|it| it.why == REVIEW_ASKS);
    let choices = choices(&decided, !(query.review == ReviewMode::Ask && edits));
    PermissionRequest {
        id: String::new(),
        tool_call_id: query.call_id.clone(),
        tool: query.tool.clone(),
        text: text(query, &title, &cwd, &decided),
        title,
        command,
        diff: None,
        cwd,
        paths: decided.paths.iter().map(|it| it.to_string_lossy().into_owned()).collect(),
        reason: query.reason.clone(),
        note: query.access.note.clone(),
        risk: decided.risk,
        choices,
        parts: decided
            .parts
            .into_iter()
            .map(|it| PermissionPart { text: it.text, allowed: it.decision == Decision::Allow, why: it.why })
            .collect(),
    }
}

/// What the model reads when a call is refused without asking.
pub fn refusal(decided: &Decided) -> String {
    let part = decided.strictest();
    let (text, why) = part.map_or(("it", "no reason"), |it| (it.text.as_str(), it.why.as_str()));
    format!("Not run: `{text}` is not permitted ({why}). Do not try the same thing in another way.")
}

/// What the model and the user read when nobody could be asked.
pub fn unasked(request: &PermissionRequest, mode: PermissionMode, review: ReviewMode) -> String {
    let what = request.command.as_deref().or(request.parts.first().map(|it| it.text.as_str()));
    if request.parts.iter().all(|it| it.allowed || it.why == REVIEW_ASKS) {
        return format!(
            "Not run: `{}` is asked for in review.mode {}, and nobody is there to ask. To make edits unasked, set \
             review.mode to \"apply\", or start pi with --review-mode apply.",
            what.unwrap_or(&request.tool),
            review.as_str()
        );
    }
    format!(
        "Not run: `{}` needs permission in mode {}, and nobody is there to ask. To allow it, add a rule to \
         permissions.allow in settings.json, or start pi with --permission-mode full.",
        what.unwrap_or(&request.tool),
        mode.as_str()
    )
}

fn title(query: &PermissionQuery, decided: &Decided, boundary: &Boundary) -> String {
    let outside = decided.paths.iter().any(|it| boundary.place(it) == Place::Outside);
    let file = || {
        let path = decided.paths.first();
        path.and_then(|it| it.file_name()).map_or("a file".into(), |it| it.to_string_lossy().into_owned())
    };
    match &query.access {
        it if it.outside_sandbox => "Pi wants to run a command outside the sandbox".to_owned(),
        it if it.command.is_some() => "Pi wants to run a command".to_owned(),
        it if !it.writes.is_empty() && query.review == ReviewMode::Plan => {
            format!("Pi wants to read {}", file())
        }
        it if !it.writes.is_empty() && outside => "Pi wants to write outside this project".to_owned(),
        it if it.writes.len() > 1 => format!("Pi wants to change {} files", it.writes.len()),
        it if !it.writes.is_empty() => format!("Pi wants to change {}", file()),
        it if !it.reads.is_empty() => format!("Pi wants to read {}", file()),
        _ => format!("Pi wants to use {}", query.tool),
    }
}

/// The whole question as text.
fn text(query: &PermissionQuery, title: &str, cwd: &str, decided: &Decided) -> String {
    let mut text = format!("{title}\n\n");
    match &query.access.command {
        Some(command) => {
            text += command.trim_end();
            text += "\n\n";
            if let Some(why) = &decided.opaque {
                text += &format!("Asked as a whole: {why}.\n");
            }
            text += &format!("in {cwd}\n");
        }
        None if query.access.writes.is_empty() && query.access.reads.is_empty() => {
            text += &serde_json::to_string_pretty(&query.args).unwrap_or_default();
            text += "\n\n";
        }
        None => {}
    }
    // A command of one part has been shown.
    let shown = query.access.command.is_some() && decided.parts.len() == 1;
    for part in decided.parts.iter().filter(|it| it.decision != Decision::Allow && !shown) {
        text += &format!("{} · {}\n", part.text, part.why);
    }
    if let Some(note) = &query.access.note {
        text += &format!("{note}\n");
    }
    if let Some(reason) = &query.reason {
        text += &format!("“{reason}”\n");
    }
    visible(text.trim_end()).into_owned()
}

/// The answers. Those that store rules are there only if rules can cover all that is asked for.
fn choices(decided: &Decided, for_good: bool) -> Vec<PermissionOption> {
    let asked = || decided.parts.iter().filter(|it| it.decision == Decision::Ask);
    let mut rules = asked().map(|it| it.rule.clone()).collect::<Option<Vec<String>>>().unwrap_or_default();
    let mut seen = std::collections::HashSet::new();
    rules.retain(|it| seen.insert(it.clone()));
    let shown = rules.iter().map(|it| visible(it)).collect::<Vec<_>>().join(", ");
    let option = |id, label: String, rules: &[String]| PermissionOption { id, label, rules: rules.to_vec() };
    let mut choices = vec![option(PermissionChoice::AllowOnce, "Allow once".into(), &[])];
    if !rules.is_empty() {
        choices.push(option(PermissionChoice::AllowSession, format!("Allow in this chat: {shown}"), &rules));
        let always =
            option(PermissionChoice::AllowProject, format!("Always in this project: {shown}"), &rules);
        choices.extend(for_good.then_some(always));
    }
    choices.push(option(PermissionChoice::Reject, "Reject".into(), &[]));
    choices.push(option(PermissionChoice::RejectStop, "Reject and stop".into(), &[]));
    choices.push(option(PermissionChoice::RejectMessage, "Reject and say why…".into(), &[]));
    choices
}
