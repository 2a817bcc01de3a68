//! Moving in the tree of a session, what a new session takes along, and cycling through models.

use std::sync::Arc;

use pi_core::{
    ScopedModel,
    session::Command,
    tree::{Branch, BranchPoint},
};
use pi_protocol::*;

use crate::world::{Step::*, World, model};

async fn talked() -> World {
    let mut world = World::new(vec![Say("1"), Say("2"), Say("3")]).await;
    for text in ["one", "two"] {
        world.prompt(text).await;
        world.until("agent_settled").await;
    }
    world
}

async fn fork_messages(world: &World) -> Vec<(String, String)> {
    let found = world.session.ask(Command::GetForkMessages).await.unwrap().messages;
    found.into_iter().map(|it| (it.entry_id, it.text)).collect()
}

async fn navigate(world: &World, target: &str) -> Result<Navigated, CommandError> {
    world.session.ask(|it| Command::NavigateTree(target.to_owned(), it)).await
}

#[tokio::test]
async fn going_back_and_asking_again_makes_a_branch() {
    let mut world = talked().await;
    let [_, (second, _)] = &fork_messages(&world).await[..] else { panic!("two messages") };
    let before = world.store.lock().unwrap().entries.len();
    let back = navigate(&world, second).await.unwrap();
    assert_eq!(back.editor_text.as_deref(), Some("two"));
    assert_eq!(world.store.lock().unwrap().entries.len(), before, "nothing is written");
    world.prompt("instead").await;
    world.until("agent_settled").await;
    assert_eq!(world.request(2), ["user one", "assistant 1", "user instead"]);
    let entries = world.store.lock().unwrap().entries.clone();
    assert_eq!(entries[before].base.parent_id, back.leaf_id);
    // Fork messages are of all branches.
    let texts: Vec<_> = fork_messages(&world).await.into_iter().map(|it| it.1).collect();
    assert_eq!(texts, ["one", "two", "instead"]);
}

#[tokio::test]
async fn nobody_goes_elsewhere_during_a_run() {
    let mut world = World::new(vec![Hang("…")]).await;
    world.prompt("go").await;
    world.until("message_update").await;
    let target = fork_messages(&world).await.remove(0).0;
    let error = navigate(&world, &target).await.unwrap_err();
    assert!(error.message.starts_with("Agent is already processing."), "{error}");
    world.session.ask(Command::Abort).await.unwrap();
    assert_eq!(navigate(&world, &target).await.unwrap().editor_text.as_deref(), Some("go"));
    assert_eq!(navigate(&world, "nope").await.unwrap_err().message, "Entry nope not found");
}

#[tokio::test]
async fn entries_come_whole_or_since_one() {
    let world = talked().await;
    let ask = |since: Option<&str>| {
        let since = since.map(str::to_owned);
        world.session.ask(|it| Command::GetEntries(since, it))
    };
    let all = ask(None).await.unwrap();
    assert_eq!(all.entries, world.store.lock().unwrap().entries);
    let ids: Vec<_> = all.entries.iter().map(|it| it.base.id.as_str()).collect();
    assert_eq!(all.leaf_id.as_deref(), ids.last().copied());
    let rest = ask(Some(ids[2])).await.unwrap();
    assert_eq!(rest.entries, all.entries[3..]);
    assert!(ask(ids.last().copied()).await.unwrap().entries.is_empty());
    assert_eq!(ask(Some("nope")).await.unwrap_err().message, "Entry not found: nope");
}

#[tokio::test]
async fn a_branch_leaves_the_session_as_it_is() {
    let world = talked().await;
    let branch = |point| world.session.ask(|it| Command::Branch(point, it));
    let [_, (second, _)] = &fork_messages(&world).await[..] else { panic!("two messages") };
    let all = world.store.lock().unwrap().entries.clone();
    let Branch { entries, text } = branch(BranchPoint::Before(second.clone())).await.unwrap();
    assert_eq!((entries.as_slice(), &*text), (&all[..4], "two"));
    assert_eq!(branch(BranchPoint::Leaf).await.unwrap().entries, all);
    let error = branch(BranchPoint::Before(all[0].base.id.clone())).await.unwrap_err();
    assert_eq!(error.message, "Invalid entry ID for forking");
    assert_eq!(world.store.lock().unwrap().entries, all);
}

#[tokio::test]
async fn a_scope_is_cycled_with_its_levels() {
    let mut other = (*model()).clone();
    other.id = "n".into();
    let scope = [(model(), None), (Arc::new(other), Some(ThinkingLevel::Low))];
    let scope = scope.map(|(model, thinking)| ScopedModel { model, thinking }).to_vec();
    let mut world = World::scoped(scope).await;
    let first = world.session.ask(Command::CycleModel).await.unwrap().unwrap();
    assert_eq!((&*first.model.id, first.thinking_level, first.is_scoped), ("n", ThinkingLevel::Low, true));
    assert_eq!(world.event().await["type"], "thinking_level_changed");
    // The level stays where the scope names none.
    let second = world.session.ask(Command::CycleModel).await.unwrap().unwrap();
    assert_eq!((&*second.model.id, second.thinking_level), ("m", ThinkingLevel::Low));
    let entries = world.store.lock().unwrap().entries.clone();
    let kinds: Vec<_> = entries.iter().skip(2).map(|it| it.kind.type_name()).collect();
    assert_eq!(kinds, ["model_change", "thinking_level_change", "model_change"]);
}

#[tokio::test]
async fn one_model_is_nothing_to_cycle() {
    let world = World::new(vec![]).await;
    assert_eq!(world.session.ask(Command::CycleModel).await.unwrap(), None);
    assert_eq!(world.store.lock().unwrap().entries.len(), 2);
}
