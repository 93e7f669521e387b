"""What keeps readers out of a page, found by axe-core: names, contrasts, keyboard, structure."""

from axe_playwright_python.sync_playwright import Axe

# Preloading reads each style sheet once more, which a page opened from a disk may not.
OPTIONS = {"resultTypes": ["violations"], "preload": False}
FAULTS = {"moderate", "serious", "critical"}

# The search for what lies behind each word takes most of the time, and words of code are most of a lesson's. Formulas,
# whose colours axe does not judge, take the rest.
ONE_OF_A_KIND = """() => {
    const clear = "rgba(0, 0, 0, 0)";
    const behind = (node) => {  // whatever decides on which colour a word stands, and how strongly it shows
        const { backgroundColor, backgroundImage, opacity } = getComputedStyle(node), own = [backgroundImage, opacity];
        return backgroundColor !== clear || !node.parentElement ? [backgroundColor, own].join()
            : [own, behind(node.parentElement)].join();
    };
    const look = (node) => [getComputedStyle(node).color, getComputedStyle(node).font, behind(node)].join();
    const alike = (selector) => [...Map.groupBy(document.querySelectorAll(selector), look).values()]
        .flatMap(([, ...others]) => others);
    for (const word of alike("pre span:not(:has(*))")) word.replaceWith(word.textContent);
    for (const formula of alike("math:not([style])")) formula.style.visibility = "hidden"; // it keeps its room
}"""


def barriers(page: object, within: str | None = None) -> list[str]:
    """Each violation but the minor ones, as rule and element; empty for a good page, or what is good `within` it.

    Opens whatever is folded; of the words of code that look alike on grounds alike one stays coloured to be judged, and
    of the formulas one stays visible.
    """
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    page.evaluate(ONE_OF_A_KIND)
    found = Axe().run(page, within, OPTIONS).response["violations"]
    return [f"{violation['id']}: {node['html'][:200]}" for violation in found if violation["impact"] in FAULTS
            for node in violation["nodes"]]
