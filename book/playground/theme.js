// Before anything is drawn: light or dark, as chosen here or in the lessons, or as the system has it.

const chosen = localStorage.getItem("mode") ?? "auto";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.jpThemeLight = !(chosen === "auto" ? systemIsDark : chosen === "dark");

/** Change it, here and in the lessons, whose theme keeps it under these names. */
globalThis.turnTheme = () => {
  const mode = document.documentElement.dataset.jpThemeLight === "true" ? "dark" : "light";
  document.documentElement.dataset.jpThemeLight = mode === "light";
  for (const name of ["mode", "theme"]) localStorage.setItem(name, mode);
};
