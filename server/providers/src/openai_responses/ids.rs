//! Ids of items and calls.
//!
//! A call has two: the one its result names and the one of its item, kept together as `call|item`. The server
//! checks both, so those of other models are rewritten.

use pi_protocol::{AssistantMessage, Model};

use crate::transform;

/// Longest id the server takes.
pub(super) const MAX_LENGTH: usize = 64;
/// Providers that keep items and check their ids.
const STRICT: [&str; 3] = ["openai", "openai-codex", "opencode"];

/// Makes the id of a call in `source`, which another model answered, acceptable to `model`.
pub(super) fn normalise(model: &Model, id: &str, source: &AssistantMessage) -> String {
    let strict = STRICT.contains(&&*model.provider);
    let Some((call, item)) = id.split_once('|').filter(|_| strict) else { return sanitise(id) };
    let call = sanitise(call);
    let ours = source.provider == model.provider && source.api == model.api;
    if ours && item.starts_with("fc_") {
        // The server would look for the reasoning this item followed, which is not sent to another model.
        return call;
    }
    let item = match (ours, item.starts_with("fc_")) {
        (false, _) => format!("fc_{}", short_hash(item)),
        (true, true) => item.to_owned(),
        (true, false) => format!("fc_{item}"),
    };
    format!("{call}|{}", sanitise(&item))
}

/// The call's id and its item's, if there is one.
pub(super) fn split(id: &str) -> (&str, Option<&str>) {
    match id.split_once('|') {
        Some((call, item)) => (call, Some(item).filter(|it| !it.is_empty())),
        None => (id, None),
    }
}

fn sanitise(id: &str) -> String {
    transform::sanitise_id(id, MAX_LENGTH).trim_end_matches('_').to_owned()
}

/// A short, stable name for a long one. Equal to Pi's, so that sessions of both meet the same caches.
pub(super) fn short_hash(text: &str) -> String {
    let (mut a, mut b) = (0xdead_beef_u32, 0x41c6_ce57_u32);
    for unit in text.encode_utf16() {
        a = (a ^ u32::from(unit)).wrapping_mul(2_654_435_761);
        b = (b ^ u32::from(unit)).wrapping_mul(1_597_334_677);
    }
    let mix = |x: u32, y: u32| {
        (x ^ (x >> 16)).wrapping_mul(2_246_822_507) ^ (y ^ (y >> 13)).wrapping_mul(3_266_489_909)
    };
    a = mix(a, b);
    b = mix(b, a);
    base36(b) + &base36(a)
}

fn base36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.extend(char::from_digit(number % 36, 36));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing;

    #[test]
    fn hashes_are_those_of_other_implementations() {
        for (text, expected) in
            [("", "k4n83c7h0j2b"), ("fc_1", "lxmq3j1alksqn"), ("Grüße 🦀", "1ypfdwv18xjd8j")]
        {
            assert_eq!(short_hash(text), expected, "{text}");
        }
    }

    #[test]
    fn ids_of_other_models_become_acceptable() {
        let long = "x".repeat(80);
        let (provider, api) = ("openai", "openai-responses");
        for (target, from, id, expected) in [
            // Another model of the same dialect: without the item.
            (provider, (provider, api), "call_1|fc_1", "call_1"),
            (provider, (provider, api), "call.1|msg/1", "call_1|fc_msg_1"),
            (provider, ("anthropic", "anthropic-messages"), "toolu_1", "toolu_1"),
            (provider, ("groq", "x"), "a.b__", "a_b"),
            (provider, ("groq", "x"), &long, &long[..64]),
            (provider, ("azure", api), "call_1|fc_1", &format!("call_1|fc_{}", short_hash("fc_1"))),
            ("elsewhere", ("elsewhere", api), "call_1|fc_1", "call_1_fc_1"),
        ] {
            let model = testing::model(json!({ "provider": target, "api": api }));
            let source = AssistantMessage::empty(from.1, from.0, "other", 0);
            assert_eq!(normalise(&model, id, &source), expected, "{id} for {target}");
        }
    }
}
