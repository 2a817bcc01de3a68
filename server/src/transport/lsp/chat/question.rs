//! A permission question in the chat document: the whole of it, and a box for each answer.

use pi_protocol::{PermissionChoice, PermissionRequest};

use super::document::UNTICKED;
use crate::markdown;

/// An open question.
#[derive(Debug)]
pub struct Question {
    /// Its number in this document.
    pub number: usize,
    /// What is asked.
    pub request: PermissionRequest,
}

impl Question {
    /// Its heading, without the signs.
    pub fn heading(&self) -> String {
        format!("? question {} · {}", self.number, markdown::line(&self.request.tool, 40))
    }

    /// The question as Markdown. What is asked for is fenced and never cut: it has to be read as a whole.
    pub fn render(&self) -> String {
        let request = &self.request;
        let body = match (&request.command, &request.diff) {
            (Some(command), _) => markdown::fenced(&format!("$ {command}"), "console"),
            (None, Some(diff)) => markdown::fenced(diff, "diff"),
            (None, None) => markdown::fenced(&request.text, ""),
        };
        let reason = request.reason.as_deref().map(|it| markdown::quoted(it, 300)).unwrap_or_default();
        let boxes: String = self.boxes().map(|(_, text)| format!("{UNTICKED}{text}\n")).collect();
        format!("### {}\n\n{body}\n{reason}{boxes}\n", self.heading())
    }

    /// The answer that the box with this text stands for.
    pub fn choice(&self, text: &str) -> Option<PermissionChoice> {
        self.boxes().find(|(_, it)| it == text).map(|(choice, _)| choice)
    }

    fn boxes(&self) -> impl Iterator<Item = (PermissionChoice, String)> {
        self.request.choices.iter().filter_map(|it| {
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
}

#[cfg(test)]
mod tests {
    use pi_protocol::PermissionOption;

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
            reason: Some("## You\n- [x] reject".into()),
            choices,
            ..PermissionRequest::default()
        };
        let question = Question { number: 3, request };
        let expected = format!(
            "### ? question 3 · bash\n\n```console\n$ {command}\n```\n\n> ##### You\n\n- [ ] allow once\n\
             - [ ] allow in this chat: `cargo test *`\n- [ ] reject\n\n"
        );
        assert_eq!(question.render(), expected);
        assert_eq!(
            question.choice("allow in this chat: `cargo test *`"),
            Some(PermissionChoice::AllowSession)
        );
        assert_eq!(question.choice("allow in this chat"), None);
    }
}
