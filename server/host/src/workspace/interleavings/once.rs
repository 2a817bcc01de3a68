//! What random stories have found, shrunk.

use super::*;

#[tokio::test(start_paused = true)]
async fn stories_that_went_wrong_once_go_well() {
    use Fault::{Denies, Mute, None as Well};
    use OnClosed::{Hide, Refuse, Reopen};
    use Step::{Cancel, Close, Delete, Deliver, DeliverAll, Edit, Foreign, Open, Save, Serve, Type, Wait};
    let stories: &[(OnClosed, &[Step])] = &[
        // An edit that is made a second time, where it changes nothing.
        (Refuse, &[Edit(32, 101), Serve(Well), Wait(2500), Serve(Denies)]),
        // Saved before the edit in the wrong place could be taken back.
        (Refuse, &[Edit(50, 43), Serve(Well), Wait(2500), Delete(0, 7), Serve(Well), Save]),
        // Made in a buffer nobody sees, which is opened, and saved before the server hears of it.
        (Hide, &[Edit(0, 0), Type(0), Save, Close, Serve(Well), Open, Type(0), Save]),
        (Hide, &[Close, Edit(164, 0), Wait(11_000), Edit(47, 0), Serve(Well), Open, Save]),
        (Hide, &[Edit(46, 7), Type(6285), Close, Serve(Denies), Open, Type(0), Save]),
        // One of two that make the same changes arrives: the other may still, also in a later buffer.
        (Reopen, &[Foreign(0), Edit(2, 0), Close, Deliver, Serve(Well), Close, Open, Deliver]),
        (Reopen, &[Edit(2, 68), Serve(Denies), Foreign(12569), Wait(11_000), Wait(11_000), Close]),
        (Refuse, &[Edit(1, 0), Serve(Denies), Wait(11_000), Wait(11_000), Delete(2622, 124)]),
        // An edit that is told in steps, one of which is another edit under way.
        (
            Refuse,
            &[
                Type(18853),
                Edit(111, 0),
                Deliver,
                Serve(Well),
                Cancel,
                Edit(27, 45),
                Type(10195),
                DeliverAll,
                Cancel,
            ],
        ),
        (
            Refuse,
            &[
                Edit(196, 3),
                Serve(Denies),
                Serve(Mute),
                Edit(9, 0),
                Wait(11_000),
                Serve(Well),
                Delete(35747, 26),
                Cancel,
            ],
        ),
        // An edit that has the editor take over the file comes after it has read the file anew.
        (Refuse, &[Foreign(0), Edit(190, 0), Wait(2500), Close, Open]),
        (Refuse, &[Foreign(0), Edit(190, 0), Wait(2500), Close, Open, Foreign(0)]),
        (Hide, &[Edit(27, 82), Close, Serve(Mute), Wait(11_000), Edit(63, 93), Open, Close, Deliver, Open]),
    ];
    for (closed, steps) in stories {
        once(false, *closed, steps).await;
    }
}

/// Its editor gives what it is sent line ends of its own.
#[tokio::test(start_paused = true)]
async fn stories_with_line_ends_that_went_wrong_once_go_well() {
    use Fault::{Denies, None as Well};
    use Step::{Edit, Serve, Type, Wait};
    let stories: &[&[Step]] = &[
        // The last line goes with an edit in the wrong place, and the line break behind it stays.
        &[Edit(21, 29), Serve(Denies), Serve(Well), Type(28672), Wait(2500)],
    ];
    for steps in stories {
        once(true, OnClosed::Refuse, steps).await;
    }
}

async fn once(own_ends: bool, closed: OnClosed, steps: &[Step]) {
    for first_version in [0, 1] {
        once_from(first_version, own_ends, closed, steps).await;
    }
}

/// Documents begin with this version.
async fn once_from(first_version: i32, own_ends: bool, closed: OnClosed, steps: &[Step]) {
    let dir = tempfile::tempdir().unwrap();
    let nature = Nature {
        tells_stale: false,
        first_version,
        encoding: PositionEncoding::Utf8,
        whole: false,
        closed,
        own_ends,
        hides_mark: false,
    };
    eprintln!("{steps:?}");
    let file = File { ends: &["\n"], marked: false, ended: own_ends };
    play(dir.path(), nature, file, steps).await;
}
