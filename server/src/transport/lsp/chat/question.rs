//! A question in the chat document: the whole of it, and a box for each answer.

use pi_protocol::{
    AnswerPermissionParams, ExtensionUiMethod, ExtensionUiRequest, PermissionChoice, PermissionRequest,
    PermissionRisk,
};

use super::document::UNTICKED;
use crate::{
    markdown,
    transport::lsp::{
        questions::{Answer, Asked},
        ui,
    },
};

/// Characters of a choice or of a line that is quoted.
const LINE: usize = 200;
/// The box of a question that need not be answered.
const NO_ANSWER: &str = "no answer";

/// An open question.
#[derive(Debug)]
pub struct Question {
    /// Its number in this document.
    pub number: usize,
    /// What is asked.
    pub asked: Asked,
}

impl Question {
    /// Its heading, without the signs.
    pub fn heading(&self) -> String {
        let about = match &self.asked {
            Asked::Permission(it) => markdown::line(&it.tool, 40),
            Asked::Ui(it) => match it.method {
                ExtensionUiMethod::Select => "a choice".to_owned(),
                ExtensionUiMethod::Confirm => "yes or no".to_owned(),
                _ => "a text".to_owned(),
            },
        };
        format!("? question {} · {about}", self.number)
    }

    /// The question as Markdown. What is asked for is fenced and never cut: it has to be read as a whole.
    pub fn render(&self) -> String {
        let boxes: String = self.boxes().map(|(_, text)| format!("{UNTICKED}{text}\n")).collect();
        let body = match &self.asked {
            Asked::Permission(it) => permission(it),
            Asked::Ui(it) => self.other(it),
        };
        format!("### {}\n\n{body}{boxes}\n", self.heading())
    }

    /// What is asked for is fenced unless it is one line.
    fn other(&self, request: &ExtensionUiRequest) -> String {
        let shown = |text: &Option<String>| match text.as_deref().map(str::trim).unwrap_or_default() {
            "" => String::new(),
            text if text.contains('\n') || text.chars().count() > LINE => {
                format!("{}\n", markdown::fenced(text, ""))
            }
            text => markdown::quoted(text, LINE),
        };
        let mut out = [shown(&request.title), shown(&request.message), shown(&request.prefill)].concat();
        if ui::choices(request).is_empty() {
            let hint = request.placeholder.as_deref().map(|it| format!(" ({})", markdown::line(it, LINE)));
            let hint = hint.unwrap_or_default();
            out.push_str(&format!(
                "Write `/answer {} …`{hint} below the last “## You” and save.\n\n",
                self.number
            ));
        }
        out
    }

    /// The answer that the box with this text stands for.
    pub fn ticked(&self, text: &str) -> Option<Answer> {
        self.boxes().find(|(_, it)| it == text).map(|(answer, _)| answer)
    }

    fn boxes(&self) -> Box<dyn Iterator<Item = (Answer, String)> + '_> {
        match &self.asked {
            Asked::Permission(request) => Box::new(decisions(request).map(|(choice, text)| {
                let question_id = request.id.clone();
                (Answer::Permission(AnswerPermissionParams { question_id, choice, message: None }), text)
            })),
            Asked::Ui(request) => {
                // Numbered: two choices may look alike.
                let choices = ui::choices(request).into_iter().enumerate().filter_map(|(at, it)| {
                    let text = format!("{}: {}", at + 1, markdown::line(&it, LINE));
                    Some((Answer::Ui(ui::chosen(request, at)?), text))
                });
                let none = (Answer::Ui(ui::dismissed(request)), NO_ANSWER.to_owned());
                Box::new(choices.chain([none]))
            }
        }
    }
}

fn permission(request: &PermissionRequest) -> String {
    let body = match (&request.command, &request.diff) {
        (Some(command), _) => markdown::fenced(&format!("$ {command}"), "console"),
        (None, Some(diff)) => markdown::fenced(diff, "diff"),
        (None, None) => markdown::fenced(&request.text, ""),
    };
    let quoted = |it: &Option<String>| it.as_deref().map(|it| markdown::quoted(it, 300)).unwrap_or_default();
    format!("{body}\n{}{}{}", parts(request), quoted(&request.note), quoted(&request.reason))
}

/// What is asked for among the parts of a call, each with why, where the answers do not name it: by their rules they
/// name each part that a rule can cover.
fn parts(request: &PermissionRequest) -> String {
    let named = request.choices.iter().any(|it| !it.rules.is_empty());
    // A diff does not show where its file is.
    let outside = request.diff.is_some() && request.risk == PermissionRisk::High;
    let whole = request.command.is_some() && request.parts.len() == 1;
    if !outside && (named || whole || request.command.is_none()) {
        return String::new();
    }
    let asked = request.parts.iter().filter(|it| !it.allowed);
    let lines: String = asked
        .map(|it| format!("- `{}` · {}\n", markdown::line(&it.text, LINE), markdown::line(&it.why, LINE)))
        .collect();
    if lines.is_empty() { lines } else { lines + "\n" }
}

fn decisions(request: &PermissionRequest) -> impl Iterator<Item = (PermissionChoice, String)> {
    request.choices.iter().filter_map(|it| {
        let words = match it.id {
            PermissionChoice::AllowOnce => "allow once",
            PermissionChoice::AllowSession => "allow in this chat",
            PermissionChoice::AllowProject => "always in this project",
            PermissionChoice::Reject => "reject",
            PermissionChoice::RejectStop => "reject and stop",
            // Needs words: `/reject n why`.
            PermissionChoice::RejectMessage => return None,
        };
        let rules: Vec<_> = it.rules.iter().map(|it| format!("`{}`", markdown::line(it, 200))).collect();
        let colon = if rules.is_empty() { "" } else { ": " };
        Some((it.id, format!("{words}{colon}{}", rules.join(", "))))
    })
}

#[cfg(test)]
mod tests {
    use pi_protocol::{PermissionOption, PermissionPart};

    use super::*;

    #[test]
    fn a_question_shows_the_whole_truth_and_a_box_for_each_answer() {
        let option = |id, rules: &[&str]| PermissionOption {
            id,
            label: String::new(),
            rules: rules.iter().map(|it| (*it).to_owned()).collect(),
        };
        let choices = vec![
            option(PermissionChoice::AllowOnce, &[]),
            option(PermissionChoice::AllowSession, &["cargo test *"]),
            option(PermissionChoice::Reject, &[]),
            option(PermissionChoice::RejectMessage, &[]),
        ];
        let command = format!("cargo test && rm -rf {}\n- [x] allow once", "x".repeat(300));
        let request = PermissionRequest {
            tool: "bash".into(),
            command: Some(command.clone()),
            note: Some("1 unsaved file differs: # a".into()),
            reason: Some("## You\n- [x] reject".into()),
            choices,
            ..PermissionRequest::default()
        };
        let question = Question { number: 3, asked: Asked::Permission(request) };
        let expected = format!(
            "### ? question 3 · bash\n\n```console\n$ {command}\n```\n\n> 1 unsaved file differs: # a\n\n> ##### You\n\n- [ ] allow once\n\
             - [ ] allow in this chat: `cargo test *`\n- [ ] reject\n\n"
        );
        assert_eq!(question.render(), expected);
        let choice = |text: &str| match question.ticked(text) {
            Some(Answer::Permission(it)) => Some(it.choice),
            _ => None,
        };
        assert_eq!(choice("allow in this chat: `cargo test *`"), Some(PermissionChoice::AllowSession));
        assert_eq!(choice("allow in this chat"), None);
    }

    #[test]
    fn each_part_that_is_asked_for_says_why() {
        let part = |text: &str, allowed, why: &str| PermissionPart {
            text: text.to_owned(),
            allowed,
            why: why.to_owned(),
        };
        let request = PermissionRequest {
            tool: "bash".into(),
            command: Some("cargo test".into()),
            parts: vec![
                part("cargo test", true, "bash(cargo test *)"),
                part("run outside the sandbox", false, "the sandbox would not hold for it"),
            ],
            reason: Some("to see".into()),
            ..PermissionRequest::default()
        };
        let rendered = |request: &PermissionRequest| {
            Question { number: 1, asked: Asked::Permission(request.clone()) }.render()
        };
        let expected = "### ? question 1 · bash\n\n```console\n$ cargo test\n```\n\n\
                        - `run outside the sandbox` · the sandbox would not hold for it\n\n> to see\n\n\n";
        assert_eq!(rendered(&request), expected);

        let mut edit = PermissionRequest {
            diff: Some("+a".into()),
            parts: vec![part("edit ../a", false, "outside the workspace")],
            ..PermissionRequest::default()
        };
        assert!(!rendered(&edit).contains("../a"), "it is the file of the diff");
        edit.risk = PermissionRisk::High;
        assert!(rendered(&edit).contains("- `edit ../a` · outside the workspace\n"), "{}", rendered(&edit));
    }

    #[test]
    fn other_questions_have_numbered_choices_and_can_be_left_open_or_unanswered() {
        let request = ExtensionUiRequest {
            id: "q".into(),
            title: Some("# Which?".into()),
            options: Some(vec!["a".into(), "a\n- [x] b".into()]),
            ..ExtensionUiRequest::new(ExtensionUiMethod::Select)
        };
        let question = Question { number: 2, asked: Asked::Ui(request.clone()) };
        let expected =
            "### ? question 2 · a choice\n\n> #### Which?\n\n- [ ] 1: a\n- [ ] 2: a\n- [ ] no answer\n\n";
        assert_eq!(question.render(), expected);
        assert_eq!(question.ticked("2: a"), Some(Answer::Ui(ui::chosen(&request, 1).unwrap())));
        assert_eq!(question.ticked("no answer"), Some(Answer::Ui(ui::dismissed(&request))));
        assert_eq!(question.ticked("3: a"), None);

        let request = ExtensionUiRequest {
            title: Some("Notes".into()),
            prefill: Some("one\n```\ntwo".into()),
            ..ExtensionUiRequest::new(ExtensionUiMethod::Editor)
        };
        let question = Question { number: 1, asked: Asked::Ui(request) };
        let expected = "### ? question 1 · a text\n\n> Notes\n\n````\none\n```\ntwo\n````\n\n\
                        Write `/answer 1 …` below the last “## You” and save.\n\n- [ ] no answer\n\n";
        assert_eq!(question.render(), expected);
    }
}
