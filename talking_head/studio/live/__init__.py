"""People who speak live: sound or text in, frames and sound out, by WebSocket and by WebRTC. docs/live_protocol.md."""
