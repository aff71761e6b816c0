// Stripe's own element collects the card, in a frame of Stripe's, and gives a token, which is all that is sent here.
(() => {
  "use strict";

  const form = document.getElementById("pay");
  const place = document.getElementById("element");
  const problem = document.getElementById("element-problem");
  const button = form.querySelector("button");

  function tell(message) {
    problem.textContent = message;
    problem.hidden = !message;
  }

  function appearance() {
    return matchMedia("(prefers-color-scheme: dark)").matches ? { theme: "night" } : { theme: "stripe" };
  }

  async function send(stripe, elements) {
    tell("");
    const checked = await elements.submit();
    if (checked.error) return tell(checked.error.message);
    const made = await stripe.createPaymentMethod({ elements });
    if (made.error) return tell(made.error.message);
    form.elements.namedItem("method").value = made.paymentMethod.id;
    form.submit();
    return true;
  }

  if (typeof Stripe !== "function") return;
  const stripe = Stripe(form.dataset.key, { locale: place.dataset.lang });
  const elements = stripe.elements({
    mode: "payment",
    amount: Number(form.dataset.minor),
    currency: form.dataset.currency,
    paymentMethodCreation: "manual",
    paymentMethodTypes: form.dataset.types.split(" "),
    appearance: appearance(),
  });
  const element = elements.create("payment");
  element.on("ready", () => { button.disabled = false; });
  element.mount(place);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    try {
      button.disabled = Boolean(await send(stripe, elements));
    } catch {
      button.disabled = false;
    }
  });
})();
