// Follows a study: one stream a page. It is closed while the page is hidden, and goes on from the last event's
// id when it is shown again; the server then sends what happened meanwhile.

export class Stream extends EventTarget {
  constructor(onNews) {
    super();
    this.onNews = onNews;
    this.last = "";
    this.study = null;
    document.addEventListener("visibilitychange", () => this.turn());
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", () => this.turn());
  }

  follow(study) {
    this.study = study;
    this.last = "";
    this.close();
    this.turn();
  }

  close() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.retry);
  }

  turn() {
    this.close();
    if (this.study === null) return; // the page is shown before it knows what to follow
    if (document.hidden) {
      this.tell("hidden");
      return;
    }
    const asked = new URLSearchParams({ study: this.study, since: this.last });
    this.source = new EventSource(`/events?${asked}`);
    this.source.onopen = () => this.tell("open");
    this.source.onmessage = (event) => {
      this.last = event.lastEventId;
      this.onNews(JSON.parse(event.data));
    };
    this.source.onerror = () => {
      // a stream that the server has ended is asked for again by the browser; one that was refused is not
      if (this.source?.readyState === EventSource.CLOSED) {
        this.tell("lost");
        this.retry = setTimeout(() => this.turn(), 3000);
      } else if (this.failed) this.tell("lost");
      this.failed = true;
    };
  }

  tell(state) {
    if (state === "open") this.failed = false;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}
