// A slide's clip: the mouse over it shows its controls; K stops it and lets it go on, or play again at its end.
const TalkClips = () => ({
  id: "clips",
  init(deck) {
    for (const video of deck.getRevealElement().querySelectorAll("video")) {
      video.addEventListener("mouseenter", () => { video.controls = true })
      video.addEventListener("mouseleave", () => { video.controls = false })
    }
    deck.addKeyBinding({ keyCode: 75, key: "K", description: "Stop or play the clip" }, () => {
      const video = deck.getCurrentSlide().querySelector("video")
      if (video.paused) video.play()
      else video.pause()
    })
  },
})
