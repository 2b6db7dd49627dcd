// The copy button of a session takes what was typed: no prompts, and not what was answered.
document.addEventListener("click", function (event) {
  const button = event.target.closest(".md-clipboard, .md-code__button[data-md-type='copy']");
  const code = button && button.closest(".highlight") && button.closest(".highlight").querySelector("code");
  if (!code || !code.querySelector(".gp") || !navigator.clipboard) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const typed = code.textContent.split("\n").filter((line) => /^(>>>|\.\.\.|\$)( |$)/.test(line));
  navigator.clipboard.writeText(typed.map((line) => line.replace(/^(>>>|\.\.\.|\$) ?/, "")).join("\n"));
}, true);
