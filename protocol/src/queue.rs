//! Messages that wait, as clients see and change them.
//!
//! Not in Pi: it knows their texts only (`queue_update`). Here an item has an id, so that two equal texts are two
//! items and a text without words is one as well.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::content::ImageContent;

/// When a waiting message is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum QueueKind {
    /// After the tool in progress.
    Steer,
    /// When the agent is done.
    FollowUp,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueItem {
    /// Its own among the items of the session, also after it has gone.
    pub id: u64,
    /// When it is delivered.
    pub kind: QueueKind,
    /// What the user wrote.
    pub text: String,
    /// Images that go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageContent>,
    /// It is not delivered by itself any more, because the run it was meant for was stopped or failed.
    pub held: bool,
}

/// The messages that wait.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct QueueItems {
    /// Those that steer, then those that follow, each in the order of their delivery.
    pub items: Vec<QueueItem>,
}

/// Which waiting message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueueItemParams {
    /// Its id.
    pub id: u64,
}

/// How to change a waiting message; what is absent stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EditQueuedParams {
    /// Its id.
    pub id: u64,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When it is delivered; a message that changes goes to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<QueueKind>,
    /// Images that go with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<Vec<ImageContent>>,
}

/// In what order messages wait.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ReorderQueueParams {
    /// These first, in this order, among those of their kind. Ids of messages that have gone are ignored.
    pub ids: Vec<u64>,
}

/// Answer to a message for the queue. Over JSONL nothing of it is sent (Pi sends no data).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Queued {
    /// Whether it waits now. If not, the turn it was meant for is over and nothing was done with it.
    pub accepted: bool,
    /// Its item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_id: Option<u64>,
    /// The turn in progress; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<u64>,
}
