//! Forms.

use maud::{Markup, html};

/// One line to fill in, with its label, what to know about it, and what is wrong with it.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute of the element")]
pub struct Field<'a> {
    /// Its name in the form, and its id on the page.
    pub name: &'a str,
    /// What it is called.
    pub label: &'a str,
    /// Its type, such as `password`. Empty: text.
    pub kind: &'a str,
    /// What browsers and password managers may fill in. Empty: nothing.
    pub autocomplete: &'a str,
    /// What is in it. Never a password's or a code's.
    pub value: &'a str,
    /// What to know before one fills it in.
    pub hint: &'a str,
    /// What is wrong with what was filled in.
    pub error: &'a str,
    /// May be left empty.
    pub optional: bool,
    /// The first thing to do on the page.
    pub first: bool,
    /// Digits: a phone shows its number pad.
    pub numeric: bool,
    /// Cannot be filled in now.
    pub disabled: bool,
    /// Several lines.
    pub lines: bool,
}

impl<'a> Field<'a> {
    /// An email address.
    pub fn email() -> Self {
        Self {
            name: "email",
            label: "Email address",
            kind: "email",
            autocomplete: "username",
            first: true,
            ..Self::default()
        }
    }

    /// The password that there is.
    pub fn current_password() -> Self {
        Self {
            name: "password",
            label: "Password",
            kind: "password",
            autocomplete: "current-password",
            ..Self::default()
        }
    }

    /// One that is to be: what it has to be, and what is wrong with it.
    pub fn new_password(hint: &'a str, error: &'a str) -> Self {
        Self {
            name: "new_password",
            label: "New password",
            kind: "password",
            autocomplete: "new-password",
            hint,
            error,
            ..Self::default()
        }
    }

    /// The field.
    pub fn render(&self) -> Markup {
        let about = described_by(self.name, self.error, self.hint);
        let autocomplete = if self.autocomplete.is_empty() { "off" } else { self.autocomplete };
        let invalid = (!self.error.is_empty()).then_some("true");
        // What is wrong may stand far below the top of the page.
        let first = self.first || invalid.is_some();
        html! {
            div class="field" {
                label for=(self.name) { (self.label) }
                @if !self.hint.is_empty() {
                    p class="hint" id={ (self.name) "-hint" } { (self.hint) }
                }
                @if self.lines {
                    textarea id=(self.name) name=(self.name) rows="5" spellcheck="false"
                        aria-describedby=[about] aria-invalid=[invalid]
                        autofocus[first] disabled[self.disabled] { (self.value) }
                } @else {
                    input id=(self.name) name=(self.name)
                        type=(if self.kind.is_empty() { "text" } else { self.kind })
                        value=[(!self.value.is_empty()).then_some(self.value)]
                        autocomplete=(autocomplete)
                        inputmode=[self.numeric.then_some("numeric")]
                        autocapitalize="none" spellcheck="false"
                        aria-describedby=[about] aria-invalid=[invalid]
                        required[!self.optional] autofocus[first] disabled[self.disabled];
                }
                @if !self.error.is_empty() {
                    p class="error" id={ (self.name) "-error" } role="alert" { (self.error) }
                }
            }
        }
    }
}

/// The ids of what stands beside a field: what is wrong with it comes first. None where nothing does.
pub fn described_by(name: &str, error: &str, hint: &str) -> Option<String> {
    let beside =
        [("error", error), ("hint", hint)].into_iter().filter(|(_, text)| !text.is_empty());
    let ids: Vec<String> = beside.map(|(part, _)| format!("{name}-{part}")).collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// Whose password the form is about: password managers look for it, people see it elsewhere.
pub fn username(email: &str) -> Markup {
    html! { input type="text" name="username" value=(email) autocomplete="username" readonly hidden; }
}

/// What posts to `action`.
pub fn post(action: &str, body: &Markup) -> Markup {
    html! { form method="post" action=(action) { (body) } }
}

/// What sends the form, and is the step to take.
pub fn button(name: &str) -> Markup {
    html! { button type="submit" { (name) } }
}

/// What sends the form, and is not.
pub fn quiet_button(name: &str) -> Markup {
    html! { button type="submit" class="quiet" { (name) } }
}
