//! Markdown of answers into HTML of a few harmless elements.
//!
//! The parser is a crate's; the writing is ours because HTML inside Markdown has to become text, and links and
//! images need a second look. Pictures from elsewhere are links: an exported page loads nothing.

use pulldown_cmark::{Alignment, CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::{
    highlight::{Language, push_code, push_diff},
    text::{escaped, push, safe_link},
};

/// Bytes of HTML one byte of Markdown may become before it is shown as it is: rows of a table are filled up to
/// its width, which multiplies.
const MAX_GROWTH: usize = 32;

/// Appends `markdown` as HTML.
pub(super) fn push_markdown(out: &mut String, markdown: &str) {
    let start = out.len();
    let limit = start + 4096 + markdown.len() * MAX_GROWTH;
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut writer =
        Writer { out, links: Vec::new(), columns: Vec::new(), column: 0, in_head: false, code: None };
    for event in Parser::new_ext(markdown, options) {
        writer.event(event);
        if writer.out.len() > limit {
            writer.out.truncate(start);
            plain(writer.out, markdown);
            return;
        }
    }
}

/// Appends text as it was written, without any meaning.
pub(super) fn plain(out: &mut String, text: &str) {
    out.push_str("<div class=\"plain\" dir=\"auto\">");
    push(out, text);
    out.push_str("</div>\n");
}

struct Writer<'a> {
    out: &'a mut String,
    /// What closes the links and images that are open.
    links: Vec<String>,
    columns: Vec<Alignment>,
    column: usize,
    in_head: bool,
    /// The name of the language and the text of the block of code that is open.
    code: Option<(String, String)>,
}

impl Writer<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(it) if self.code.is_some() => {
                self.code.iter_mut().for_each(|(_, text)| text.push_str(&it));
            }
            Event::Text(it) | Event::Html(it) | Event::InlineHtml(it) | Event::FootnoteReference(it) => {
                push(self.out, &it);
            }
            Event::Code(it) | Event::InlineMath(it) | Event::DisplayMath(it) => {
                *self.out += "<code>";
                push(self.out, &it);
                *self.out += "</code>";
            }
            Event::SoftBreak => self.out.push('\n'),
            Event::HardBreak => *self.out += "<br>\n",
            Event::Rule => *self.out += "<hr>\n",
            Event::TaskListMarker(done) => *self.out += if done { "\u{2611} " } else { "\u{2610} " },
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => *self.out += "<p dir=\"auto\">",
            Tag::Heading { level, .. } => *self.out += &format!("<{} dir=\"auto\">", heading(level)),
            Tag::BlockQuote(_) => *self.out += "<blockquote>\n",
            Tag::CodeBlock(kind) => {
                let language = match &kind {
                    CodeBlockKind::Fenced(it) => it.split_whitespace().next().unwrap_or_default(),
                    CodeBlockKind::Indented => "",
                };
                if !language.is_empty() {
                    *self.out += &format!("<div class=\"language\">{}</div>", escaped(language));
                }
                self.code = Some((language.to_owned(), String::new()));
            }
            Tag::HtmlBlock => *self.out += "<pre>",
            Tag::List(None) => *self.out += "<ul>\n",
            Tag::List(Some(1)) => *self.out += "<ol>\n",
            Tag::List(Some(first)) => *self.out += &format!("<ol start=\"{first}\">\n"),
            Tag::Item => *self.out += "<li>",
            Tag::Table(columns) => {
                self.columns = columns;
                *self.out += "<table>\n";
            }
            Tag::TableHead => {
                self.in_head = true;
                self.column = 0;
                *self.out += "<tr>";
            }
            Tag::TableRow => {
                self.column = 0;
                *self.out += "<tr>";
            }
            Tag::TableCell => {
                let class = match self.columns.get(self.column) {
                    Some(Alignment::Right) => " class=\"right\"",
                    Some(Alignment::Center) => " class=\"center\"",
                    _ => "",
                };
                *self.out += &format!("<{}{class}>", self.cell());
                self.column += 1;
            }
            Tag::Emphasis => *self.out += "<em>",
            Tag::Strong => *self.out += "<strong>",
            Tag::Strikethrough => *self.out += "<del>",
            Tag::Link { dest_url, .. } => self.link(&dest_url, ""),
            Tag::Image { dest_url, .. } => self.link(&dest_url, "\u{1f5bc} "),
            // Of extensions that are not switched on.
            _ => {}
        }
    }

    /// Opens a link, or says behind its text where it would have led.
    fn link(&mut self, destination: &str, mark: &str) {
        let closing = match safe_link(destination) {
            Some(it) => {
                let href = escaped(it);
                *self.out += &format!("<a href=\"{href}\" rel=\"noopener noreferrer nofollow\">{mark}");
                "</a>".to_owned()
            }
            None => {
                *self.out += mark;
                format!(" (<code>{}</code>)", escaped(destination))
            }
        };
        self.links.push(closing);
    }

    fn end(&mut self, tag: TagEnd) {
        *self.out += match tag {
            TagEnd::Paragraph => "</p>\n",
            TagEnd::Heading(level) => return *self.out += &format!("</{}>\n", heading(level)),
            TagEnd::BlockQuote(_) => "</blockquote>\n",
            TagEnd::CodeBlock => return self.end_code(),
            TagEnd::HtmlBlock => "</pre>\n",
            TagEnd::List(true) => "</ol>\n",
            TagEnd::List(false) => "</ul>\n",
            TagEnd::Item => "</li>\n",
            TagEnd::Table => "</table>\n",
            TagEnd::TableHead => {
                self.in_head = false;
                "</tr>\n"
            }
            TagEnd::TableRow => "</tr>\n",
            TagEnd::TableCell => return *self.out += &format!("</{}>", self.cell()),
            TagEnd::Emphasis => "</em>",
            TagEnd::Strong => "</strong>",
            TagEnd::Strikethrough => "</del>",
            TagEnd::Link | TagEnd::Image => return *self.out += &self.links.pop().unwrap_or_default(),
            _ => "",
        };
    }

    fn end_code(&mut self) {
        let Some((language, text)) = self.code.take() else { return };
        if ["diff", "patch"].contains(&&*language) {
            return push_diff(self.out, &text, None);
        }
        *self.out += "<pre><code>";
        push_code(self.out, &text, Language::named(&language));
        *self.out += "</code></pre>\n";
    }

    fn cell(&self) -> &'static str {
        if self.in_head { "th" } else { "td" }
    }
}

/// The page's own headings come first.
fn heading(level: HeadingLevel) -> &'static str {
    match level {
        HeadingLevel::H1 => "h3",
        HeadingLevel::H2 => "h4",
        HeadingLevel::H3 => "h5",
        _ => "h6",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(markdown: &str) -> String {
        let mut out = String::new();
        push_markdown(&mut out, markdown);
        out
    }

    #[test]
    fn the_usual_elements_are_there() {
        for (markdown, expected) in [
            (
                "# A\n\nb *c* **d** ~~e~~",
                "<h3 dir=\"auto\">A</h3>\n<p dir=\"auto\">b <em>c</em> <strong>d</strong> <del>e</del></p>\n",
            ),
            (
                "```rust x\na < b\n```",
                "<div class=\"language\">rust</div><pre><code>a &lt; b\n</code></pre>\n",
            ),
            ("3. a\n4. b", "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>\n"),
            ("- [x] a", "<ul>\n<li>\u{2611} a</li>\n</ul>\n"),
            (
                "|a|b|\n|-|-:|\n|1|2|",
                "<table>\n<tr><th>a</th><th class=\"right\">b</th></tr>\n<tr><td>1</td><td class=\"right\">2</td></tr>\n</table>\n",
            ),
            (
                "[a](https://b)",
                "<p dir=\"auto\"><a href=\"https://b\" rel=\"noopener noreferrer nofollow\">a</a></p>\n",
            ),
            ("[a](src/a.rs)", "<p dir=\"auto\">a (<code>src/a.rs</code>)</p>\n"),
            (
                "![a](https://b/c.png)",
                "<p dir=\"auto\"><a href=\"https://b/c.png\" rel=\"noopener noreferrer nofollow\">\u{1f5bc} a</a></p>\n",
            ),
        ] {
            assert_eq!(html(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn html_is_text() {
        for (markdown, expected) in [
            ("a <b onclick=x>c</b>", "<p dir=\"auto\">a &lt;b onclick=x&gt;c&lt;/b&gt;</p>\n"),
            ("<script>\nalert(1)\n</script>\n", "<pre>&lt;script&gt;\nalert(1)\n&lt;/script&gt;\n</pre>\n"),
            ("<!-- a -->\n", "<pre>&lt;!-- a --&gt;\n</pre>\n"),
        ] {
            assert_eq!(html(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn a_table_that_would_fill_the_memory_is_shown_as_written() {
        let table = format!("{}\n{}\n{}", "|a".repeat(2000), "|-".repeat(2000), "|x\n".repeat(2000));
        let page = html(&table);
        assert!(page.len() < 64 * table.len(), "{} bytes", page.len());
        assert!(page.contains("|-|-|-"), "it is not there as written");
    }
}
