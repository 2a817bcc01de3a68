//! Places at which a test has the process killed: after each step of what has to survive that.
//!
//! A kill from outside hits wherever the machine happens to be. So each step between wanting an edit and having it on
//! record has a name here, and a debug build kills itself there, so that nothing gets to clean up, if `PI_CRASH_AT`
//! has the name; `name:3` means the third time. `PI_CRASH_LOG` names a file that gets a line for each step passed.
//! A release build has none of this. `tests/e2e/crash.rs` walks all of them.

macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal,)*) => {
        /// A step of the pipeline.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Point {
            $($(#[$doc])* $point,)*
        }

        impl Point {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$point,)*];

            /// How a test calls it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)*
                }
            }
        }
    };
}

points! {
    /// An edit is wanted, and nothing is on record.
    Wanted = "wanted",
    /// The record is written and not committed.
    Recording = "recording",
    /// The edit is on record and not made.
    Recorded = "recorded",
    /// It is about to be sent to the editor.
    Sending = "sending",
    /// The editor has answered.
    Answered = "answered",
    /// The editor has reported the wanted text.
    Reported = "reported",
    /// There is an empty file beside the one that is to be replaced.
    BesideMade = "beside-made",
    /// The file beside it has the new text.
    BesideWritten = "beside-written",
    /// It has taken the old one's place.
    Replaced = "replaced",
    /// A file that is written in place has got its new end.
    Extended = "extended",
    /// And the text before that.
    Overwritten = "overwritten",
    /// A file has got another name.
    Moved = "moved",
    /// A file is removed.
    Removed = "removed",
    /// The edit is seen to be made, and not on record as such.
    Verified = "verified",
    /// The hunks are written and not committed.
    Completing = "completing",
    /// The edit and its hunks are on record.
    Completed = "completed",
    /// The edit is seen not to be made, and not on record as such.
    Failed = "failed",
    /// That it was not made is on record.
    Abandoned = "abandoned",
    /// A command that may change files is on record and not run.
    CommandRecorded = "command-recorded",
    /// It has ended, and what it did is not on record.
    CommandEnded = "command-ended",
    /// What it did is on record.
    CommandCompleted = "command-completed",
    /// A decision about a file is made up and nothing done.
    Deciding = "deciding",
    /// The file is what the decision wants, and the decision not on record.
    Placed = "placed",
    /// The decision is written and not committed.
    Storing = "storing",
    /// The decision is on record.
    Decided = "decided",
    /// What an earlier process left in doubt is looked at, and the finding not committed.
    Settling = "settling",
    /// The finding is on record and told to nobody.
    Settled = "settled",
    /// An entry is about to be appended to the session file.
    Appending = "appending",
    /// The entry is in the file.
    Appended = "appended",
}

/// The process passes this step, or ends at it as by `kill -9`.
#[cfg(debug_assertions)]
pub fn at(point: Point) {
    plan::pass(point);
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn at(_: Point) {}

#[cfg(debug_assertions)]
mod plan {
    use std::{
        env,
        ffi::OsString,
        io::Write,
        sync::{
            OnceLock,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use super::Point;

    struct Plan {
        name: String,
        /// Passes that are left, the last of which is the end.
        left: AtomicUsize,
        log: Option<OsString>,
    }

    fn plan() -> &'static Plan {
        static PLAN: OnceLock<Plan> = OnceLock::new();
        PLAN.get_or_init(|| {
            let at = env::var("PI_CRASH_AT").unwrap_or_default();
            let (name, count) = at.split_once(':').unwrap_or((&at, "1"));
            let left = AtomicUsize::new(count.parse().unwrap_or(1));
            Plan { name: name.to_owned(), left, log: env::var_os("PI_CRASH_LOG") }
        })
    }

    pub fn pass(point: Point) {
        let plan = plan();
        if let Some(log) = &plan.log {
            let file = std::fs::OpenOptions::new().append(true).create(true).open(log);
            let written = file.and_then(|mut it| it.write_all(format!("{}\n", point.name()).as_bytes()));
            if let Err(error) = written {
                tracing::error!(%error, "PI_CRASH_LOG cannot be written");
            }
        }
        if plan.name == point.name() && plan.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            die();
        }
    }

    #[cfg(unix)]
    fn die() {
        use rustix::process::{Signal, getpid, kill_process};
        let _killed = kill_process(getpid(), Signal::KILL);
        // Another thread may be the one that is ended first.
        loop {
            std::thread::park();
        }
    }

    #[cfg(not(unix))]
    fn die() {
        std::process::abort();
    }
}
