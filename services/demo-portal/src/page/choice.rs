//! Parts of forms in which one chooses instead of writing.

use maud::{Markup, html};

use super::form::described_by;

/// One of several.
#[derive(Clone, Copy)]
pub struct Select<'a> {
    /// Its name in the form, and its id on the page.
    pub name: &'a str,
    /// What it is called.
    pub label: &'a str,
    /// What can be chosen: what the form sends, and its name.
    pub options: &'a [(&'a str, &'a str)],
    /// What is chosen, as the form sends it.
    pub chosen: &'a str,
}

impl Select<'_> {
    /// The field.
    pub fn render(&self) -> Markup {
        html! {
            div class="field" {
                label for=(self.name) { (self.label) }
                select id=(self.name) name=(self.name) {
                    @for (value, name) in self.options {
                        option value=(value) selected[*value == self.chosen] { (name) }
                    }
                }
            }
        }
    }
}

/// Yes or no. Forms send it, as `on`, where it is ticked, and else nothing: as where it is disabled.
#[derive(Clone, Copy, Default)]
pub struct Check<'a> {
    /// Its name in the form, and its id on the page.
    pub name: &'a str,
    /// What it is called.
    pub label: &'a str,
    /// What to know about it.
    pub hint: &'a str,
    /// What is wrong with it.
    pub error: &'a str,
    /// Is it ticked?
    pub ticked: bool,
    /// Cannot be changed now.
    pub disabled: bool,
    /// Looks like a switch.
    pub switch: bool,
}

impl Check<'_> {
    /// The field.
    pub fn render(&self) -> Markup {
        let about = described_by(self.name, self.error, self.hint);
        let invalid = (!self.error.is_empty()).then_some("true");
        html! {
            div class="field" {
                label class="check" {
                    input type="checkbox" id=(self.name) name=(self.name)
                        role=[self.switch.then_some("switch")] aria-describedby=[about]
                        aria-invalid=[invalid] autofocus[invalid.is_some()]
                        checked[self.ticked] disabled[self.disabled];
                    span { (self.label) }
                }
                @if !self.hint.is_empty() {
                    p class="hint" id={ (self.name) "-hint" } { (self.hint) }
                }
                @if !self.error.is_empty() {
                    p class="error" id={ (self.name) "-error" } role="alert" { (self.error) }
                }
            }
        }
    }
}
