// What makes pages nicer where scripts run. Without it everything works as well.

// One click sends a form once: the second of a double click would find its work done.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = 'yes';
  // A download leaves the page as it is, and so does whoever stops loading: then it may be sent again.
  setTimeout(() => delete form.dataset.sent, form.dataset.stays === undefined ? 5_000 : 0);
});

// A page that the browser kept is fresh again.
window.addEventListener('pageshow', () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// Waits count down, and what was to be waited for can be done then.
const two = (number) => String(number).padStart(2, '0');

function tick() {
  for (const countdown of document.querySelectorAll('[data-countdown]')) {
    const seconds = Math.ceil((Date.parse(countdown.dataset.countdown) - Date.now()) / 1000);
    if (seconds > 0) {
      const hours = Math.floor(seconds / 3600);
      const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
      countdown.textContent = hours ? `in ${hours}:${rest}` : `in ${rest}`;
    } else {
      countdown.textContent = 'now';
      for (const waiting of document.querySelectorAll('[data-waits]')) waiting.disabled = false;
    }
  }
}

if (document.querySelector('[data-countdown]')) {
  tick();
  setInterval(tick, 1000);
}

// Buttons that only a script can serve are hidden until there is one.
for (const button of document.querySelectorAll('[data-copy]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const source = document.getElementById(button.dataset.copy);
    const items = [...source.querySelectorAll('li')].map((item) => item.textContent);
    const text = items.length ? items.join('\n') : source.textContent.replaceAll(' ', '');
    const said = document.getElementById(`${button.dataset.copy}-copied`);
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = 'Copied.';
    } catch {
      said.textContent = 'Your browser does not allow it: please select and copy by hand.';
    }
  });
}

// A link's code stands behind its `#`, which is sent to no server. It goes into the form, and out of
// the address and the history.
const invitation = document.getElementById('invitation_token');
if (invitation && location.hash.length > 1) {
  invitation.value = location.hash.slice(1);
  history.replaceState(null, '', location.pathname);
  document.getElementById('new_password').focus();
}
