//! The frame of every page, and the parts that pages are made of.

use maud::{DOCTYPE, Markup, html};

mod choice;
mod form;

pub use choice::{Check, Select};
pub use form::{Field, button, post, quiet_button, username};

/// What stands around a page.
pub struct Frame<'a> {
    /// The site's name, at the top of each page.
    pub site: &'a str,
    /// Where one can go from here: paths and their names. None where nobody is signed in.
    pub places: &'a [(&'a str, &'a str)],
    /// The path of the place that the page belongs to.
    pub here: &'a str,
    /// What stands at the end of each page.
    pub foot: Markup,
}

impl Frame<'_> {
    /// A whole page. `title` is its one first-level heading.
    pub fn page(&self, title: &str, body: &Markup) -> Markup {
        self.bare_page(title, &html! { h1 { (title) } (body) })
    }

    /// The same, with what can be done here beside the heading.
    pub fn page_with(&self, title: &str, beside: &Markup, body: &Markup) -> Markup {
        self.bare_page(title, &html! { (heading_with(title, beside)) (body) })
    }

    /// A whole page whose body brings its heading.
    pub fn bare_page(&self, title: &str, body: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " – " (self.site) }
                    link rel="icon" href="/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/style.css";
                    script src="/enhance.js" defer {}
                }
                body {
                    header class="top" {
                        a class="brand" href="/" { (self.site) }
                        @if !self.places.is_empty() {
                            nav aria-label="Pages" {
                                @for (path, name) in self.places {
                                    a href=(path) aria-current=[(*path == self.here).then_some("page")] { (name) }
                                }
                                (post("/sign-out", &quiet_button("Sign Out")))
                            }
                        }
                    }
                    main { (body) }
                    footer { (self.foot) }
                }
            }
        }
    }
}

/// A page's heading, with what can be done there beside it.
pub fn heading_with(title: &str, beside: &Markup) -> Markup {
    html! { div class="head" { h1 { (title) } (beside) } }
}

/// Something went wrong. Screen readers say it at once.
pub fn alert(text: &Markup) -> Markup {
    html! { p class="alert" role="alert" { (text) } }
}

/// Something that is good to know.
pub fn notice(text: &Markup) -> Markup {
    html! { p class="notice" role="status" { (text) } }
}

/// A box with a heading of its own.
pub fn card(title: &str, body: &Markup) -> Markup {
    html! {
        section class="card" {
            h2 { (title) }
            (body)
        }
    }
}

/// Buttons and links beside each other, the one to take first.
pub fn actions(all: &Markup) -> Markup {
    html! { div class="actions" { (all) } }
}

/// A link that looks like the button that it stands beside.
pub fn link_button(path: &str, name: &str) -> Markup {
    html! { a class="button quiet" href=(path) { (name) } }
}

/// The same, for the step to take.
pub fn link_button_first(path: &str, name: &str) -> Markup {
    html! { a class="button" href=(path) { (name) } }
}

/// Names and what they are, as a list.
pub fn facts(all: &[(&str, Markup)]) -> Markup {
    html! {
        dl class="facts" {
            @for (name, value) in all {
                dt { (name) }
                dd { (value) }
            }
        }
    }
}

/// Only what `count` counts: `1 session`, `2 sessions`.
pub fn counted(count: impl Into<i64>, one: &str, many: &str) -> String {
    match count.into() {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}
