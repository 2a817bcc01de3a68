//! Landlock: what the kernel can, and confining this process.
//!
//! Reading is never restricted. Version 3 of the interface (Linux 6.2) is required: before it a file outside could
//! still be truncated. Denying TCP needs version 4 (Linux 6.7).

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, path_beneath_rules,
};

use super::{DEVICES, Order};

const FILES: ABI = ABI::V3;
const NETWORK: ABI = ABI::V4;

fn writes() -> BitFlags<AccessFs> {
    AccessFs::from_write(FILES)
}

/// Everything that is handled must be there: a sandbox with holes is none.
fn ruleset() -> Ruleset {
    Ruleset::default().set_compatibility(CompatLevel::HardRequirement)
}

/// Whether writes can be restricted; otherwise why not.
pub(super) fn files() -> Result<(), String> {
    let made = ruleset().handle_access(writes()).and_then(Ruleset::create);
    made.map(drop).map_err(|_| "needs Landlock of Linux 6.2 or newer, switched on".into())
}

/// Whether TCP can be denied.
pub(super) fn network() -> Result<(), RulesetError> {
    ruleset().handle_access(AccessNet::from_all(NETWORK)).and_then(Ruleset::create).map(drop)
}

/// Confines this thread and what it becomes.
pub(super) fn confine(order: &Order) -> Result<(), RulesetError> {
    let mut rules = ruleset().handle_access(writes())?;
    if order.no_network {
        rules = rules.handle_access(AccessNet::from_all(NETWORK))?;
    }
    let devices = AccessFs::WriteFile | AccessFs::Truncate;
    // Paths that do not exist cannot be written either.
    rules
        .create()?
        .add_rules(path_beneath_rules(&order.writable, writes()))?
        .add_rules(path_beneath_rules(DEVICES, devices))?
        .restrict_self()?;
    Ok(())
}
