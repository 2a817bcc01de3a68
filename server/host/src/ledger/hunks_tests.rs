//! Hunks under everything that can happen to a file, in tables and at random.

use proptest::prelude::*;

use super::{
    decide::{self, Verb},
    hunks::{FileState, Hunk, Status, To, Whole},
};

/// A file with this text and no hunks.
fn file(text: &str) -> FileState {
    FileState { text: Some(text.to_owned()), hunks: Vec::new() }
}

/// Lines named by their letters: `"ab"` is `"a\nb\n"`.
fn lines(letters: &str) -> String {
    letters.chars().map(|it| format!("{it}\n")).collect()
}

/// A file where Pi went through these texts.
fn edited(texts: &[&str]) -> FileState {
    let mut state = file(&lines(texts[0]));
    for (edit, text) in texts[1..].iter().enumerate() {
        absorb(&mut state, edit as i64 + 1, Some(text));
    }
    state
}

fn absorb(state: &mut FileState, edit: i64, text: Option<&str>) {
    let next = state.hunks.len() as i64 + 1;
    state.absorb(edit, text.map(lines).as_deref(), next);
}

fn follow(state: &mut FileState, text: &str) {
    state.follow(Some(&lines(text)));
}

fn letters(state: &FileState) -> String {
    state.text.clone().unwrap_or_else(|| "-".into()).replace('\n', "")
}

/// `id status range base→text`, one a hunk.
fn shown(state: &FileState) -> Vec<String> {
    let one = |it: &Hunk| {
        let status = format!("{:?}", it.status).to_lowercase();
        let edited = if it.edited { " edited" } else { "" };
        let at = if it.is_live() { format!(" {}+{}", it.start, it.len) } else { String::new() };
        format!("{} {status}{edited}{at} {}>{}", it.id, it.base.replace('\n', ""), it.text.replace('\n', ""))
    };
    let mut hunks: Vec<_> = state.hunks.iter().collect();
    hunks.sort_by_key(|it| it.id);
    hunks.into_iter().map(one).collect()
}

fn hunk(state: &FileState, id: i64) -> &Hunk {
    state.hunks.iter().find(|it| it.id == id).unwrap()
}

fn flip_all(state: &mut FileState, want: Status, to: To) {
    let flips: Vec<_> =
        state.hunks.iter().filter(|it| it.status == want && !it.edited).map(|it| (it.id, to)).collect();
    state.flip(&flips);
}

#[test]
fn changes_of_pi_become_hunks() {
    for (texts, expected) in [
        (&["abc", "aXc"][..], &["1 pending 1+1 b>X"][..]),
        (&["abcdef", "aXcdYZf"], &["1 pending 1+1 b>X", "2 pending 4+2 e>YZ"]),
        (&["abc", "ac"], &["1 pending 1+0 b>"]),
        (&["abc", "abcX"], &["1 pending 3+1 >X"]),
        // Apart from one another.
        (&["abcd", "Xbcd", "XbcY"], &["1 pending 0+1 a>X", "2 pending 3+1 d>Y"]),
        (&["abcd", "abcY", "XZbcY"], &["1 pending 4+1 d>Y", "2 pending 0+2 a>XZ"]),
        // Over one another: one difference from what was there before both.
        (&["abcd", "aXYd", "aXZd"], &["1 superseded bc>XY", "2 pending 1+2 bc>XZ"]),
        (&["abcd", "aXcd", "aXYd"], &["1 superseded b>X", "2 pending 1+2 bc>XY"]),
        (&["abcd", "aXcd", "aXcYd"], &["1 pending 1+1 b>X", "2 pending 3+1 >Y"]),
        (&["abc", "aXbYc", "aZc"], &["1 superseded >X", "2 superseded >Y", "3 pending 1+1 b>Z"]),
        // Back to where it was.
        (&["abc", "aXc", "abc"], &["1 superseded b>X", "2 rejected 1+1 b>b"]),
    ] {
        assert_eq!(shown(&edited(texts)), expected, "{texts:?}");
    }
}

#[test]
fn the_user_may_type_anywhere() {
    for (now, expected) in [
        ("abXd", "1 pending 2+1 c>X"),
        ("UabXd", "1 pending 3+1 c>X"),
        ("XdU", "1 pending 0+1 c>X"),
        // Right above and right below.
        ("abUXd", "1 pending 3+1 c>X"),
        ("abXUd", "1 pending 2+1 c>X"),
        ("aUXd", "1 pending 2+1 c>X"),
        // In it.
        ("abUd", "1 pending edited 2+1 c>X"),
        ("ab", "1 pending edited 2+0 c>X"),
        // Undone by whatever means.
        ("abcd", "1 rejected 2+1 c>X"),
        ("Uabcd", "1 rejected 3+1 c>X"),
    ] {
        let mut state = edited(&["abcd", "abXd"]);
        follow(&mut state, now);
        assert_eq!(shown(&state), [expected], "{now}");
    }
}

#[test]
fn what_was_undone_can_be_redone_by_the_editor() {
    let mut state = edited(&["abcdef", "aXcdf", "aXcdfY"]);
    follow(&mut state, "aXcdf");
    follow(&mut state, "abcdef");
    assert_eq!(shown(&state), ["1 rejected 1+1 b>X", "2 rejected 4+1 e>", "3 rejected 6+0 >Y"]);
    follow(&mut state, "aXcdf");
    follow(&mut state, "aXcdfY");
    assert_eq!(shown(&state), ["1 pending 1+1 b>X", "2 pending 4+0 e>", "3 pending 5+1 >Y"]);
    // A later change over an earlier one: one step back is the earlier one.
    let mut state = edited(&["abc", "aXc", "aYc"]);
    follow(&mut state, "aXc");
    assert_eq!(shown(&state), ["1 pending 1+1 b>X", "2 reverted 1+1 b>Y"]);
    follow(&mut state, "abc");
    assert_eq!(hunk(&state, 1).status, Status::Rejected);
    // What was kept and is undone was reverted.
    let mut state = edited(&["abc", "aXc"]);
    state.hunks[0].status = Status::Kept;
    follow(&mut state, "abc");
    assert_eq!(shown(&state), ["1 reverted 1+1 b>X"]);
    follow(&mut state, "aXc");
    assert_eq!(shown(&state), ["1 kept 1+1 b>X"]);
}

#[test]
fn decisions_can_be_taken_back() {
    let mut state = edited(&["abcdef", "aXcdYZf"]);
    follow(&mut state, "UaXcdYZf");
    state.flip(&[(2, To::Base)]);
    assert_eq!(letters(&state), "UaXcdef");
    assert_eq!(shown(&state), ["1 pending 2+1 b>X", "2 rejected 5+1 e>YZ"]);
    follow(&mut state, "UUaXcdef");
    state.flip(&[(1, To::Base), (2, To::Text)]);
    assert_eq!(letters(&state), "UUabcdYZf");
    assert_eq!(shown(&state), ["1 rejected 3+1 b>X", "2 pending 6+2 e>YZ"]);
    // From where, what is decided about which, and what is there then.
    for (texts, decisions, expected) in [
        (
            &["abc", "aXc"][..],
            &[(Verb::Accept, &[1][..]), (Verb::Redo, &[1])][..],
            &["1 pending 1+1 b>X"][..],
        ),
        (&["abc", "aXc"], &[(Verb::Redo, &[1])], &["1 pending 1+1 b>X"]),
        (
            &["abcdef", "aXcdYf"],
            &[(Verb::Accept, &[1, 2]), (Verb::Redo, &[2])],
            &["1 kept 1+1 b>X", "2 pending 4+1 e>Y"],
        ),
        // One step back each time.
        (
            &["abc", "aXc"],
            &[(Verb::Accept, &[1]), (Verb::Revert, &[1]), (Verb::Redo, &[1])],
            &["1 kept 1+1 b>X"],
        ),
        (
            &["abc", "aXc"],
            &[(Verb::Accept, &[1]), (Verb::Revert, &[1]), (Verb::Redo, &[1]), (Verb::Redo, &[1])],
            &["1 pending 1+1 b>X"],
        ),
        // What it was made from waits again as well.
        (
            &["abc", "aXc", "aYc"],
            &[(Verb::Accept, &[2]), (Verb::Redo, &[2]), (Verb::Revert, &[2])],
            &["1 pending 1+1 b>X", "2 reverted 1+1 b>Y"],
        ),
        // As if it had never been kept.
        (
            &["abc", "aXc", "aYc"],
            &[(Verb::Accept, &[2]), (Verb::Redo, &[2]), (Verb::Reject, &[2])],
            &["1 superseded b>X", "2 rejected 1+1 b>Y"],
        ),
    ] {
        let mut state = edited(texts);
        for (verb, ids) in decisions {
            decide::apply(&mut state, &ids.iter().copied().collect(), *verb, 1);
        }
        assert_eq!(shown(&state), expected, "{texts:?} {decisions:?}");
    }
}

#[test]
fn a_line_that_comes_back_joins_no_other() {
    let mut state = edited(&["ab", "a"]);
    state.follow(Some("a"));
    state.flip(&[(1, To::Base)]);
    assert_eq!(state.text.as_deref(), Some("a\nb\n"));
    assert_eq!(shown(&state), ["1 rejected 1+1 b>"]);
}

#[test]
fn one_change_back_is_the_change_before() {
    let mut state = edited(&["abcd", "aXYd", "aXZd"]);
    state.flip(&[(2, To::Previous)]);
    assert_eq!(letters(&state), "aXYd");
    assert_eq!(shown(&state), ["1 pending 1+2 bc>XY", "2 reverted 1+2 bc>XZ"]);
    state.flip(&[(2, To::Text)]);
    assert_eq!(letters(&state), "aXZd");
    assert_eq!(shown(&state), ["1 superseded bc>XY", "2 pending 1+2 bc>XZ"]);
    state.flip(&[(2, To::Previous)]);
    state.flip(&[(1, To::Base)]);
    assert_eq!(letters(&state), "abcd");
    // What it goes back to is not there any more, until it is.
    assert!(hunk(&state, 2).edited);
    state.flip(&[(1, To::Text)]);
    assert!(!hunk(&state, 2).edited);
}

#[test]
fn files_come_and_go() {
    let mut state = FileState::default();
    absorb(&mut state, 1, Some("ab"));
    assert_eq!(state.hunks[0].whole, Some(Whole::Created));
    absorb(&mut state, 2, Some("aXb"));
    assert_eq!(shown(&state), ["1 superseded >ab", "2 pending 0+3 >aXb"]);
    flip_all(&mut state, Status::Pending, To::Base);
    assert_eq!(state.text, None);
    flip_all(&mut state, Status::Rejected, To::Text);
    assert_eq!(letters(&state), "aXb");
    // What the user wrote into it stays.
    follow(&mut state, "aXbU");
    flip_all(&mut state, Status::Pending, To::Base);
    assert_eq!(letters(&state), "U");

    let mut state = edited(&["abc", "aXc"]);
    absorb(&mut state, 2, None);
    assert_eq!((letters(&state).as_str(), shown(&state)[1].as_str()), ("-", "2 pending 0+0 abc>"));
    flip_all(&mut state, Status::Pending, To::Base);
    assert_eq!(letters(&state), "abc");
    flip_all(&mut state, Status::Rejected, To::Text);
    assert_eq!(letters(&state), "-");
    // Deleted and written again: a difference of texts.
    absorb(&mut state, 3, Some("aYc"));
    assert_eq!(shown(&state)[2], "3 pending 0+3 abc>aYc");
    assert_eq!(hunk(&state, 3).whole, None);
}

#[test]
fn lines_without_an_ending_stay_lines() {
    let mut state = file("a\nb");
    state.absorb(1, Some("a\nX\nY"), 1);
    state.follow(Some("a\nX\nY\nuser"));
    assert!(state.hunks[0].edited || state.hunks[0].len == 2, "{state:?}");
    flip_all(&mut state, Status::Pending, To::Base);
    let text = state.text.clone().unwrap();
    assert!(text.ends_with("\nuser"), "{text:?}");
}

#[derive(Debug, Clone)]
enum Step {
    /// Pi or the user: from this line on, remove some and put some there.
    Edit {
        pi: bool,
        at: usize,
        remove: usize,
        put: usize,
    },
    /// The hunk with this number, if it can.
    Flip(usize, To),
    Keep(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let to = prop_oneof![Just(To::Text), Just(To::Base), Just(To::Previous)];
    prop_oneof![
        4 => (any::<bool>(), 0usize..14, 0usize..3, 0usize..3)
            .prop_map(|(pi, at, remove, put)| Step::Edit { pi, at, remove, put }),
        3 => (0usize..12, to).prop_map(|(at, to)| Step::Flip(at, to)),
        1 => (0usize..12).prop_map(Step::Keep),
    ]
}

fn user_lines(text: Option<&str>) -> Vec<&str> {
    text.unwrap_or_default().lines().filter(|it| it.starts_with('u')).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens: no decision touches a line of the user's, each hunk's lines are what its status says, and
    /// rejecting everything and redoing it gives the text back.
    #[test]
    fn no_line_of_the_user_is_lost(steps in prop::collection::vec(step(), 1..40)) {
        let mut state = file(&(0..8).map(|it| format!("o{it}\n")).collect::<String>());
        let mut count = 0;
        for (number, step) in steps.into_iter().enumerate() {
            let before = state.text.clone();
            match step {
                Step::Edit { pi, at, remove, put } => {
                    let mut lines: Vec<String> =
                        before.as_deref().unwrap_or_default().split_inclusive('\n').map(str::to_owned).collect();
                    let at = at.min(lines.len());
                    let end = (at + remove).min(lines.len());
                    let name = if pi { 'p' } else { 'u' };
                    let new: Vec<_> = (0..put).map(|it| format!("{name}{number}.{it}\n")).collect();
                    lines.splice(at..end, new);
                    let after = lines.concat();
                    if pi {
                        let made = state.absorb(number as i64, Some(&after), count + 1);
                        count += made as i64;
                    } else {
                        state.follow(Some(&after));
                    }
                    prop_assert_eq!(state.text.as_deref(), Some(after.as_str()));
                }
                Step::Flip(at, to) => {
                    let able = state.hunks.get(at).filter(|it| !it.edited && it.is_live() && it.is_in() != (to == To::Text));
                    if let Some(id) = able.map(|it| it.id) {
                        state.flip(&[(id, to)]);
                        let users = |text: &Option<String>| user_lines(text.as_deref()).len();
                        prop_assert!(to == To::Text || users(&state.text) >= users(&before));
                    }
                }
                Step::Keep(at) => {
                    if let Some(it) = state.hunks.get_mut(at).filter(|it| it.status == Status::Pending) {
                        it.status = Status::Kept;
                    }
                }
            }
            check(&state)?;
        }
        let before = state.text.clone();
        let pending: Vec<i64> = state
            .hunks
            .iter()
            .filter(|it| it.status == Status::Pending && !it.edited)
            .map(|it| it.id)
            .collect();
        let all: Vec<_> = pending.iter().map(|it| (*it, To::Base)).collect();
        state.flip(&all);
        check(&state)?;
        let users = |state: &FileState| user_lines(state.text.as_deref()).len();
        prop_assert!(users(&state) >= user_lines(before.as_deref()).len());
        let back: Vec<_> = pending.iter().map(|it| (*it, To::Text)).collect();
        state.flip(&back);
        prop_assert_eq!(&state.text, &before);
        for it in state.hunks.iter().filter(|it| pending.contains(&it.id)) {
            prop_assert_eq!(it.status, Status::Pending);
        }
    }
}

fn check(state: &FileState) -> Result<(), TestCaseError> {
    let lines = super::lines::Lines::of(state.text.as_deref().unwrap_or_default());
    let mut waiting: Vec<&Hunk> =
        state.hunks.iter().filter(|it| it.status == Status::Pending && !it.edited).collect();
    waiting.sort_by_key(|it| (it.start, it.len));
    for it in &waiting {
        prop_assert_eq!(lines.slice(it.start..it.start + it.len), it.text.as_str(), "{:?}", it);
    }
    for pair in waiting.windows(2) {
        prop_assert!(pair[0].start + pair[0].len <= pair[1].start, "{:?}", pair);
    }
    for it in state.hunks.iter().filter(|it| it.is_live()) {
        prop_assert!(it.start + it.len <= lines.len(), "{:?} in {} lines", it, lines.len());
    }
    Ok(())
}
