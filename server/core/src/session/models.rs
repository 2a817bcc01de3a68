//! Cycling through models (spec: rpc.md §3, resources.md §5), and finding one that came later.

use std::sync::Arc;

use pi_protocol::{CycledModel, Model};

use super::{actor::SessionActor, handle::Command};
use crate::ports::ScopedModel;

impl SessionActor {
    /// Goes to the model after the current one. `None` when there are fewer than two.
    pub(super) fn cycle_model(&mut self) -> Option<CycledModel> {
        let is_scoped = !self.scope.is_empty();
        let candidates: Vec<ScopedModel> = match is_scoped {
            true => self.scope.iter().filter(|it| self.models.has_auth(&it.model)).cloned().collect(),
            false => self
                .models
                .available()
                .into_iter()
                .map(|model| ScopedModel { model, thinking: None })
                .collect(),
        };
        let next = next(&candidates, self.model.as_ref())?;
        self.choose_model(next);
        Some(CycledModel { model: (*next.model).clone(), thinking_level: self.thinking, is_scoped })
    }

    /// Goes on with this model.
    pub(super) fn choose_model(&mut self, chosen: &ScopedModel) {
        self.record_model(&chosen.model);
        self.model = Some(chosen.model.clone());
        self.set_thinking(chosen.thinking.unwrap_or(self.thinking));
    }

    /// Whether the command needs a model and there is none.
    pub(super) fn lacks_model(&self, command: &Command) -> bool {
        use Command::*;
        let needs = matches!(
            command,
            Prompt(..) | QueueSend(..) | Compact(..) | CycleModel(_) | GetAvailableModels(_)
        );
        needs && self.model.is_none()
    }
}

/// The candidate after `current`. One that is none of them counts as the first.
fn next<'a>(candidates: &'a [ScopedModel], current: Option<&Arc<Model>>) -> Option<&'a ScopedModel> {
    if candidates.len() < 2 {
        return None;
    }
    let key = current.map(|it| it.key());
    let at = candidates.iter().position(|it| Some(it.model.key()) == key).unwrap_or(0);
    candidates.get((at + 1) % candidates.len())
}

#[cfg(test)]
mod tests {
    use pi_protocol::ThinkingLevel;

    use super::*;

    fn candidate(id: &str) -> ScopedModel {
        let model = serde_json::from_value(serde_json::json!({
            "id": id, "name": id, "api": "x", "provider": "p", "baseUrl": "", "reasoning": false,
            "input": ["text"], "cost": {}, "contextWindow": 1, "maxTokens": 1,
        }));
        ScopedModel { model: Arc::new(model.unwrap()), thinking: Some(ThinkingLevel::Off) }
    }

    #[test]
    fn cycling_goes_round_and_needs_two() {
        let of = |ids: &[&str]| ids.iter().map(|it| candidate(it)).collect::<Vec<_>>();
        for (ids, current, expected) in [
            (&["a", "b", "c"][..], Some("a"), Some("b")),
            (&["a", "b", "c"], Some("c"), Some("a")),
            (&["a", "b"], Some("elsewhere"), Some("b")),
            (&["a", "b"], None, Some("b")),
            (&["a"], Some("b"), None),
            (&[], None, None),
        ] {
            let (candidates, current) = (of(ids), current.map(|it| candidate(it).model));
            let chosen = next(&candidates, current.as_ref()).map(|it| it.model.id.as_str());
            assert_eq!(chosen, expected, "{ids:?} from {current:?}");
        }
    }
}
