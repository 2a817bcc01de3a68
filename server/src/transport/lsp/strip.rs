//! The run strip: what a session is doing in one line, without a clock.

use std::{path::Path, time::Duration};

use pi_protocol::{Activity, ActivityState, Later};

use super::messages::first_line;

/// After so long without a word of the model the line says that it is still connected.
const SILENCE: Duration = Duration::from_secs(30);
/// After so long a stop says what it still ends.
const ENDING: Duration = Duration::from_secs(3);

/// One line, and what it becomes if nothing happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    /// What is shown.
    pub text: String,
    /// What is shown after this time.
    pub later: Option<(Duration, String)>,
}

/// The strip of one session.
#[derive(Debug, Default)]
pub struct Strips {
    /// What the tool works on that ran last in the run.
    tool: Option<String>,
}

impl Strips {
    /// Of its next activity; nothing when nothing happens by itself.
    pub fn next(&mut self, activity: &Activity) -> Option<Strip> {
        let strip = Strip::of(activity, self.tool.as_deref());
        match activity.state {
            ActivityState::Tool => self.tool.clone_from(&activity.detail),
            _ if strip.is_none() => self.tool = None,
            _ => {}
        }
        strip
    }

    /// The activity with its line, for an editor that shows it itself.
    pub fn tell(&mut self, activity: Activity) -> Activity {
        let Some(Strip { text, later }) = self.next(&activity) else { return activity };
        let millis = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
        let later = later.map(|(after, text)| Later { after: millis(after), text });
        Activity { text: Some(text), later, ..activity }
    }
}

impl Strip {
    /// Of an activity; `tool` is what the tool that ran last works on.
    fn of(activity: &Activity, tool: Option<&str>) -> Option<Self> {
        let text = text(activity)?;
        let later = match (activity.state, tool) {
            (ActivityState::Waiting, _) => Some((SILENCE, format!("{text} connected, no answer yet"))),
            (ActivityState::Stopping, Some(tool)) => {
                Some((ENDING, format!("{text} ending {}", first_line(tool, 50))))
            }
            _ => None,
        };
        Some(Self { text, later })
    }
}

fn text(activity: &Activity) -> Option<String> {
    let detail = activity.detail.as_deref();
    Some(match activity.state {
        ActivityState::Idle | ActivityState::Stopped | ActivityState::Failed => return None,
        ActivityState::Waiting => format!("Waiting for {}…", detail.unwrap_or("the model")),
        ActivityState::Thinking => "Thinking…".to_owned(),
        ActivityState::Answering => "Writing…".to_owned(),
        ActivityState::Tool => tool_line(activity.tool.as_deref(), detail),
        ActivityState::Asking => {
            format!("Waiting for your answer · {}", activity.tool.as_deref().unwrap_or("a question"))
        }
        ActivityState::Retrying => retrying(detail.unwrap_or_default()),
        ActivityState::Compacting => "Making room: summarising older turns…".to_owned(),
        ActivityState::Stopping => "Stopping…".to_owned(),
    })
}

/// `Provider busy (529). Trying again in 4 s · 2 of 3`, from the cause and what follows it.
fn retrying(detail: &str) -> String {
    let (cause, then) = detail.split_once(". Trying").unwrap_or((detail, ""));
    let then = if then.is_empty() { String::new() } else { format!(". Trying{then}") };
    let mut numbers = cause.split(|it: char| !it.is_ascii_digit());
    let code = numbers.find(|it| it.len() == 3 && (it.starts_with('4') || it.starts_with('5')));
    let lower = cause.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|it| lower.contains(it));
    let what = match code {
        Some(code @ ("429" | "503" | "529")) => format!("Provider busy ({code})"),
        Some(code) => format!("Provider failed ({code})"),
        None if has(&["overloaded", "rate limit", "too many requests"]) => "Provider busy".to_owned(),
        None if has(&["connection", "error sending request", "dns", "network"]) => {
            "Cannot reach the provider".to_owned()
        }
        None => format!("Provider failed ({cause})"),
    };
    what + &then
}

fn tool_line(tool: Option<&str>, detail: Option<&str>) -> String {
    let file =
        || detail.and_then(|it| Path::new(it).file_name()).map_or("a file".into(), |it| it.to_string_lossy());
    match tool {
        Some("bash") => format!("Running {}…", first_line(detail.unwrap_or("a command"), 50)),
        Some("edit" | "hashline_edit") => format!("Editing {}", file()),
        Some("write") => format!("Writing {}", file()),
        Some("read") => format!("Reading {}", file()),
        Some(other) => format!("Running {other}…"),
        None => detail.unwrap_or("Running tools…").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activities_in_a_few_words() {
        use ActivityState::*;
        for (state, tool, detail, expected) in [
            (Idle, None, None, None),
            (Stopped, None, None, None),
            (Waiting, None, Some("m"), Some("Waiting for m…")),
            (Tool, Some("bash"), Some("cargo test"), Some("Running cargo test…")),
            (Tool, Some("edit"), Some("/ws/src/retry.rs"), Some("Editing retry.rs")),
            (Tool, Some("edit"), None, Some("Editing a file")),
            (Tool, Some("grep"), Some("x"), Some("Running grep…")),
            (Tool, None, Some("3 tools running"), Some("3 tools running")),
            (Stopping, None, None, Some("Stopping…")),
            (Thinking, None, None, Some("Thinking…")),
            (Answering, None, None, Some("Writing…")),
            (Asking, Some("bash"), Some("cargo test"), Some("Waiting for your answer · bash")),
            (Compacting, None, None, Some("Making room: summarising older turns…")),
            (
                Retrying,
                None,
                Some("529 overloaded_error. Trying again in 4 s · 2 of 3"),
                Some("Provider busy (529). Trying again in 4 s · 2 of 3"),
            ),
            (
                Retrying,
                None,
                Some("error sending request for url. Trying again in 2 s · 1 of 3"),
                Some("Cannot reach the provider. Trying again in 2 s · 1 of 3"),
            ),
            (
                Retrying,
                None,
                Some("500 {}. Trying again in 2 s · 1 of 3"),
                Some("Provider failed (500). Trying again in 2 s · 1 of 3"),
            ),
            (Retrying, None, Some("odd"), Some("Provider failed (odd)")),
        ] {
            let owned = |it: Option<&str>| it.map(str::to_owned);
            let activity = Activity::new(state, 0, owned(tool), owned(detail));
            assert_eq!(text(&activity).as_deref(), expected);
        }
    }

    #[test]
    fn a_line_that_stays_says_more() {
        let activity = |state, detail: Option<&str>| Activity::new(state, 0, None, detail.map(str::to_owned));
        let later = |state, detail, tool| Strip::of(&activity(state, detail), tool).and_then(|it| it.later);
        let silent = "Waiting for m… connected, no answer yet".to_owned();
        assert_eq!(later(ActivityState::Waiting, Some("m"), None), Some((SILENCE, silent)));
        let ending = "Stopping… ending cargo test".to_owned();
        assert_eq!(later(ActivityState::Stopping, None, Some("cargo test")), Some((ENDING, ending)));
        assert_eq!(later(ActivityState::Stopping, None, None), None);
        assert_eq!(later(ActivityState::Thinking, None, Some("x")), None);
    }
}
