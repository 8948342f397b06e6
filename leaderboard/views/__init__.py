"""Pages and interfaces: parse, call one service, render."""
