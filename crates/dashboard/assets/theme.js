// Before anything is painted: light or dark, as chosen here before; without a choice as the system has it.
(() => {
  "use strict";
  try {
    const theme = localStorage.getItem("florin-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch { /* Storage may be forbidden; then the system decides. */ }
  document.documentElement.classList.add("has-script");
})();
