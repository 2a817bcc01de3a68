//! Which thinking levels a model offers (providers.md §1.2).

use pi_protocol::{Model, ThinkingLevel};

/// Model ids that think at `xhigh` although no map says so (Pi 0.50).
const XHIGH_IDS: [&str; 3] = ["gpt-5.1-codex-max", "gpt-5.2", "gpt-5.2-codex"];

/// Levels `model` offers, least first; only `off` for a model that cannot think.
pub fn levels(model: &Model) -> Vec<ThinkingLevel> {
    if !model.reasoning {
        return vec![ThinkingLevel::Off];
    }
    ThinkingLevel::ALL.into_iter().filter(|&level| offers(model, level)).collect()
}

fn offers(model: &Model, level: ThinkingLevel) -> bool {
    let mapped = model.thinking_level_map.as_ref().and_then(|map| map.get(&level));
    match (mapped, level) {
        (Some(word), _) => word.is_some(),
        (None, ThinkingLevel::Xhigh) => XHIGH_IDS.iter().any(|it| model.id.contains(it)),
        (None, ThinkingLevel::Max) => false,
        (None, _) => true,
    }
}

/// The offered level nearest to `wanted`: the next higher one, else the next lower.
pub fn clamp(model: &Model, wanted: ThinkingLevel) -> ThinkingLevel {
    let levels = levels(model);
    levels
        .iter()
        .copied()
        .find(|&it| it >= wanted)
        .or_else(|| levels.last().copied())
        .unwrap_or(ThinkingLevel::Off)
}

/// The level after `current` in the circle of offered ones; `None` when there is nothing to choose.
pub fn next(model: &Model, current: ThinkingLevel) -> Option<ThinkingLevel> {
    if !model.reasoning {
        return None;
    }
    let levels = levels(model);
    let at = levels.iter().position(|&it| it == current).map_or(0, |it| it + 1);
    levels.get(at).or(levels.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(id: &str, reasoning: bool) -> Model {
        serde_json::from_value(serde_json::json!({
            "id": id, "name": id, "api": "x", "provider": "p", "baseUrl": "", "reasoning": reasoning,
            "input": ["text"], "cost": {}, "contextWindow": 1, "maxTokens": 1,
        }))
        .unwrap()
    }

    #[test]
    fn clamping_goes_up_first_and_then_down() {
        use ThinkingLevel::*;
        let mut mapped = model("m", true);
        mapped.thinking_level_map =
            Some([(Off, None), (Low, None), (High, Some("high".into())), (Max, Some("max".into()))].into());
        for (model, wanted, expected) in [
            (&model("m", false), High, Off),
            (&model("m", true), Xhigh, High),
            (&model("gpt-5.2", true), Xhigh, Xhigh),
            (&mapped, Off, Minimal),
            (&mapped, Low, Medium),
            (&mapped, Xhigh, Max),
        ] {
            assert_eq!(clamp(model, wanted), expected, "{wanted} on {}", model.id);
        }
    }

    #[test]
    fn cycling_wraps_and_needs_a_thinking_model() {
        assert_eq!(next(&model("m", true), ThinkingLevel::High), Some(ThinkingLevel::Off));
        assert_eq!(next(&model("m", true), ThinkingLevel::Off), Some(ThinkingLevel::Minimal));
        assert_eq!(next(&model("m", false), ThinkingLevel::Off), None);
    }
}
