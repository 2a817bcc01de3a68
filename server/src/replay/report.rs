//! What a replay found, for people.

use super::recording::{Part, Recording, Step, What};

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Line of the recording.
    pub line: Option<usize>,
    title: String,
    details: Vec<String>,
}

impl Difference {
    /// In this line, of this message.
    pub fn new(line: Option<usize>, title: String, details: Vec<String>) -> Self {
        Self { line, title, details }
    }
}

/// The whole report. `same` messages of the server were as recorded.
pub fn report(recording: &Recording, found: &[Difference], same: usize, notes: &[String]) -> String {
    let about = &recording.about;
    let said = recording.lines.iter().filter(|it| matches!(it.what, What::In(_))).count();
    let client = if about.transport == "lsp" { client(recording) } else { "a program".to_owned() };
    let mut text = format!(
        "Replayed {said} messages of {client}, recorded {} by pi {} on {}.\n",
        about.started, about.server, about.system
    );
    for note in notes {
        text += &format!("Note: {note}.\n");
    }
    for it in found {
        let line = it.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        text += &format!("\n{line}{}\n", it.title);
        for detail in &it.details {
            text += &format!("  {detail}\n");
        }
    }
    text += &match found.len() {
        0 => format!("\nNo difference: {same} messages and texts are as recorded.\n"),
        1 => format!("\n1 difference; {same} messages and texts are as recorded.\n"),
        more => format!("\n{more} differences; {same} messages and texts are as recorded.\n"),
    };
    text
}

fn client(recording: &Recording) -> String {
    let info = recording.lines.iter().find_map(|it| match &it.what {
        What::In(it) if it["method"] == "initialize" => Some(&it["params"]["clientInfo"]),
        _ => None,
    });
    let text = |name: &str| info.and_then(|it| it[name].as_str());
    match (text("name"), text("version")) {
        (Some(name), Some(version)) => format!("{name} {version}"),
        (Some(name), None) => name.to_owned(),
        (None, _) => "an editor".to_owned(),
    }
}

/// What a recording cannot show, as far as it is known before it is played.
pub fn notes(recording: &Recording) -> Vec<String> {
    let mut notes = Vec::new();
    let (run, runs) = recording.run;
    if runs > 1 {
        notes.push(format!(
            "the file has {runs} runs of the server, this is number {run}; --start chooses another"
        ));
    }
    let of_session = ["--session", "--continue", "-c", "--fork", "--session-id"];
    let begins =
        |it: &String| of_session.iter().any(|flag| it == flag || it.starts_with(&format!("{flag}=")));
    if recording.about.arguments.iter().any(begins) {
        notes
            .push("the session that was continued is not in the recording: a new one takes its place".into());
    }
    if recording.unreadable > 0 {
        let count = recording.unreadable;
        notes.push(format!("{count} lines of the recording cannot be read and were left out"));
    }
    let asked = |it: &What| matches!(it, What::Model(Step { part: Part::Asked { .. }, .. }));
    let calls = recording.lines.iter().filter(|it| asked(&it.what)).count();
    let answers = |it: &What| matches!(it, What::Model(Step { part: Part::Answer { .. }, .. }));
    let answered = recording.lines.iter().filter(|it| answers(&it.what)).count();
    if answered < calls {
        notes.push("the recording ends before the model's last answer does".into());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::recording::{About, Line};

    #[test]
    fn a_report_says_what_and_where() {
        let about = About {
            transport: "lsp".into(),
            server: "0.1.0".into(),
            system: "linux".into(),
            started: "2026-11-26".into(),
            arguments: vec!["lsp".into(), "--continue".into()],
            ..About::default()
        };
        let initialize = serde_json::json!({"method": "initialize",
            "params": {"clientInfo": {"name": "helix", "version": "25.01"}}});
        let lines = vec![Line { number: 2, ms: 0.0, what: What::In(initialize) }];
        let recording = Recording { about, lines, unreadable: 0, run: (1, 1) };
        let found = [Difference::new(Some(7), "answer to 3".into(), vec!["a: recorded 1, now 2".into()])];
        let text = report(&recording, &found, 4, &notes(&recording));
        assert_eq!(
            text,
            "Replayed 1 messages of helix 25.01, recorded 2026-11-26 by pi 0.1.0 on linux.\n\
             Note: the session that was continued is not in the recording: a new one takes its place.\n\n\
             line 7: answer to 3\n  a: recorded 1, now 2\n\n\
             1 difference; 4 messages and texts are as recorded.\n"
        );
        assert!(
            report(&recording, &[], 4, &[])
                .ends_with("\nNo difference: 4 messages and texts are as recorded.\n")
        );
    }
}
