//! What a chat document and a plain editor say of a summary that is made of older turns.

use pi_harness::{Profile, say, status};
use serde_json::{Value, json};

use crate::chat::Chat;

#[test]
fn a_summary_that_nobody_asked_for_is_told_and_so_is_its_failure() {
    let mut chat = Chat::with(Profile::plain(), |scratch| {
        // Whatever was said is too much.
        let compaction = json!({"reserveTokens": 199_950, "keepRecentTokens": 1});
        scratch.settings(&json!({"compaction": compaction, "retry": {"enabled": false}}));
    });
    chat.open();
    // The last answer leaves room, so that nothing is summarised after it.
    let two = say("Two.").usage(10, 5);
    chat.model.script([say("One."), status(401, "{}"), say("The summary."), two]);
    let shown = |chat: &Chat, begins: &str, ends: &str| {
        chat.editor.claim(begins, |it: &Value| {
            let said = it["params"]["message"].as_str().unwrap_or_default();
            it["method"] == "window/logMessage" && said.starts_with(begins) && said.ends_with(ends)
        });
    };
    chat.say("first\n");
    chat.until("the failure", |it| it.contains("### ✗ could not summarise: "));
    shown(&chat, "Could not summarise: ", "The chat is unchanged.");
    chat.say("second\n");
    chat.until("the summary", |it| {
        it.contains("### ✓ summarised 1 turn\n") && it.contains("Two.") && it.ends_with("## You\n\n")
    });
    shown(&chat, "Summarised 1 turn; the full chat is kept", "");
    chat.finish();
}
