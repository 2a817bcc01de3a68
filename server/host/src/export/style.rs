//! The look of an exported page, and the hash by which its policy allows exactly this.

/// The only style of a page. A literal, so that its line ends are the same on every system.
pub(super) const STYLE: &str = r#"
:root { color-scheme: light dark; --text: #1c2024; --dim: #5d6670; --page: #fff; --box: #f5f6f8; --line: #d9dde2;
  --user: #eaf2fd; --link: #0b57d0; --bad: #b3261e; --add: #e2f5e5; --gone: #fde7e6; --mark: #fff1bf;
  --string: #0a6b2d; --number: #0550ae; --keyword: #8a2aa0; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e3e6ea; --dim: #9aa4b0; --page: #16181c; --box: #1f2228; --line: #363b43; --user: #1d2b3f;
    --link: #8ab4f8; --bad: #f2a19b; --add: #17331f; --gone: #41201f; --mark: #5a4a10;
    --string: #9bd49b; --number: #8ab4f8; --keyword: #d9a8f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 56rem; padding: 1.5rem 1rem 4rem; background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
h3, h4, h5, h6 { font-size: 1.05rem; margin: 1.1rem 0 .4rem; }
a { color: var(--link); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0 0 1rem; font-size: .9rem; }
dt { color: var(--dim); } dd { margin: 0; }
article { margin: 1rem 0; }
article > header { display: flex; flex-wrap: wrap; gap: .25rem .6rem; align-items: baseline; font-size: .85rem;
  margin-bottom: .25rem; }
article > header span, time { color: var(--dim); } time { margin-left: auto; }
article.user { background: var(--user); border-radius: .5rem; padding: .6rem .9rem; }
article:target { outline: 2px solid var(--link); outline-offset: .35rem; border-radius: .35rem; }
mark { background: var(--mark); color: inherit; border-radius: .25rem; padding: 0 .35rem; }
p { margin: .5rem 0; }
.plain { white-space: pre-wrap; }
.note, .key, .language { color: var(--dim); font-size: .85rem; margin: .35rem 0 .1rem; }
.error { color: var(--bad); }
pre, code { font: .85rem/1.45 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { background: var(--box); border-radius: .35rem; padding: .55rem .75rem; margin: .35rem 0; white-space: pre-wrap;
  unicode-bidi: plaintext; }
code { background: var(--box); border-radius: .2rem; padding: .05rem .25rem; }
pre code, summary code { background: none; padding: 0; }
pre.failed { color: var(--bad); }
pre.diff > * { display: block; text-decoration: none; min-height: 1.45em; }
pre .c { color: var(--dim); font-style: italic; } pre .s { color: var(--string); }
pre .n { color: var(--number); } pre .k { color: var(--keyword); }
pre.diff ins { background: var(--add); } pre.diff del { background: var(--gone); }
details { border: 1px solid var(--line); border-radius: .4rem; padding: .3rem .7rem; margin: .45rem 0; }
summary { cursor: pointer; }
details.thinking { color: var(--dim); font-style: italic; }
details.failed > summary b { color: var(--bad); }
blockquote { border-left: 3px solid var(--line); margin: .5rem 0; padding-left: .9rem; color: var(--dim); }
table { border-collapse: collapse; margin: .6rem 0; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: start; }
.right { text-align: right; } .center { text-align: center; }
img { max-width: 100%; height: auto; border-radius: .35rem; }
hr { border: 0; border-top: 1px solid var(--line); }
nav { font-size: .9rem; } nav ul { list-style: none; margin: .2rem 0; padding-left: .8rem; }
nav ul ul { border-left: 2px solid var(--line); } nav ul ul.now { border-color: var(--link); }
nav a { text-decoration: none; } nav a.now { font-weight: 600; }
footer { color: var(--dim); font-size: .8rem; margin-top: 3rem; }
@media print {
  :root { color-scheme: light; --text: #000; --dim: #555; --page: #fff; --box: #f5f5f5; --line: #ccc; --user: #eef3fa;
    --link: #000; --bad: #900; --add: #e2f5e5; --gone: #fde7e6; --mark: #fff1bf;
    --string: #0a6b2d; --number: #0550ae; --keyword: #8a2aa0; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
  article > header, summary, h2 { break-after: avoid; }
  pre.diff ins, pre.diff del, article.user { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  a[rel]::after { content: " (" attr(href) ")"; color: var(--dim); }
}
"#;

/// SHA-256 of [`STYLE`] in base64, as the policy of the page wants it.
pub(super) const STYLE_HASH: &str = "c98l/zEyEpElMERwD8g9x6CqHuZ0QNlW03613cejcBg=";

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;

    #[test]
    fn the_hash_is_that_of_the_style() {
        let digest = ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes());
        assert_eq!(
            STANDARD.encode(digest),
            STYLE_HASH,
            "the style changed: put the left one into STYLE_HASH"
        );
        assert!(!STYLE.contains("</"), "it would end the element");
        assert!(!STYLE.contains("url("), "a page loads nothing");
    }
}
