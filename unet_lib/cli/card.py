"""`unet_lib card`: a training on one page, to hand in or to hang up."""

from pathlib import Path
from typing import Annotated

import typer

from unet_lib.cli.options import PHANTOM, Data, Device, left_out, remark
from unet_lib.cli.results import result_folder

Words = Annotated[str, typer.Option(help="What you wanted to find out, in at most 160 characters.")]


def card(run: Annotated[Path, typer.Argument(help="The folder of a training: the --out of `unet_lib train`.")],
         data: Data = PHANTOM, question: Words = "",
         answer: Annotated[str, typer.Option(help="What you found, in your own words and at most 400 characters.")]
         = "",
         baseline: Annotated[Path | None, typer.Option(help="The folder of another training on the same patients, to "
                                                            "compare with.")]
         = None,
         split: Annotated[str, typer.Option(help="Patients to score: {unet_lib.evaluation.card:SPLITS}. Use test only "
                                                 "once, at the very end.")]
         = "validation",
         device: Device = "auto",
         out: Annotated[Path | None, typer.Option(help="Where to write; by default card-validation or card-test in the "
                                                       "run's folder.")] = None) -> None:
    """Summarise a training on one page (card.md, card.png): question, settings, scores, three masks and limits."""
    from unet_lib.data.cache import open_sound
    from unet_lib.evaluation import card as library
    from unet_lib.evaluation.report import report
    from unet_lib.inference.predictor import NOT_FOR_DIAGNOSIS

    own, other = library.read_run(run, device), library.read_run(baseline, device) if baseline else None
    cache, faults = open_sound(data)
    remark(cache.remarks)
    library.choose_subset(own, cache, split)
    target = out or run / f"card-{split}"
    # Question and answer are no inputs: whoever words them anew wants a new card in the old one's place. The same
    # patients in another folder are the same data.
    with result_folder(target, command="card", run=run, data=cache.content, split=split, baseline=baseline) as folder:
        found = library.make_card(own, cache, split=split, baseline=other, question=question, answer=answer)
        library.write_card(found, folder)
    print(report(found.scores, found.summary).partition("\n")[0])
    if found.comparison:
        print(f"beside {baseline}: {found.comparison.words}")
    print(f"card.md and card.png are in {target}\n{NOT_FOR_DIAGNOSIS}")
    left_out((problem for of_one in faults.values() for problem in of_one), done=True)
