// What the payment page does beyond what it does without a script: times in the payer's own zone, no second press of the
// button, and a look now and then at a payment that is being made.
(() => {
  "use strict";

  const lookEvery = 2000;
  const lookFor = 10 * 60 * 1000;

  function showTimes(within) {
    for (const time of within.querySelectorAll("time[datetime]")) {
      const form = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });
      time.textContent = form.format(new Date(time.dateTime));
    }
  }

  function pressOnce(form) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) return event.preventDefault();
      form.dataset.sent = "yes";
      form.querySelector("button").setAttribute("aria-disabled", "true");
    });
  }

  async function look(since) {
    const state = document.getElementById("state");
    if (state?.dataset.state !== "waiting" || Date.now() - since > lookFor) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { cache: "no-store", redirect: "error" });
        const page = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
        const now = page && page.getElementById("state");
        if (now && now.textContent !== state.textContent) {
          // With a form, what the scripts do with forms has to begin anew.
          if (now.querySelector("form")) return location.reload();
          showTimes(now);
          state.dataset.state = now.dataset.state;
          state.replaceChildren(...now.childNodes);
        }
      } catch { /* Out of reach for a moment; the link stays. */ }
    }
    setTimeout(look, lookEvery, since);
  }

  // Who comes back to a page that the browser kept sees what has become of it.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  showTimes(document);
  // The element of a processor sends its form itself, once it has a token.
  document.querySelectorAll("form:not([data-key])").forEach(pressOnce);
  setTimeout(look, lookEvery, Date.now());
})();
