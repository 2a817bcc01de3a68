//! Actions on a problem that the editor shows: fix it, explain it.

use lsp_types::{CodeActionKind, Diagnostic};
use serde_json::{Value, json};

use super::{Offer, Place};
use crate::transport::lsp::messages::first_line;

/// Our own diagnostics: they wait for the user and are no problems.
const OURS: &str = "pi";
/// Problems at one place that are offered.
const MOST: usize = 2;

/// For each problem at the place. A plugin has its own way to fix problems.
pub fn offered(place: &Place<'_>) -> Vec<Offer> {
    if place.connection.capabilities().knows_pi {
        return Vec::new();
    }
    let theirs = place.diagnostics.iter().filter(|it| it.source.as_deref() != Some(OURS)).take(MOST);
    theirs.flat_map(|it| offers(place, it)).collect()
}

fn offers(place: &Place<'_>, problem: &Diagnostic) -> [Offer; 2] {
    let short = first_line(&problem.message, 40);
    let offer = |verb: &str, message: &str| Offer {
        kind: CodeActionKind::QUICKFIX,
        title: format!("{verb} “{short}”"),
        command: "pi.prompt",
        arguments: vec![argument(place, problem, message)],
    };
    [
        offer("fix", "Fix this problem."),
        offer("explain", "Explain this problem and what could be done about it. Change nothing."),
    ]
}

/// The problem, and the lines it is about.
fn argument(place: &Place<'_>, problem: &Diagnostic, message: &str) -> Value {
    let severity = match serde_json::to_value(problem.severity) {
        Ok(Value::Number(number)) => number.as_u64(),
        _ => None,
    };
    let item = json!({
        "range": problem.range, "message": problem.message, "source": problem.source, "severity": severity,
    });
    json!({
        "message": message,
        "context": [{ "kind": "diagnostics", "uri": place.uri, "items": [item] }],
        "uri": place.uri,
        "range": problem.range,
    })
}
