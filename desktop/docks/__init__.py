"""Docks: one folder each. Adding a dock is adding a folder; nothing outside it is edited.

1. `desktop/docks/<name>/__init__.py` holds `SPEC`, a `DockSpec`: id, title, icon, area, factory.
2. `dock.py` holds the `Dock` subclass: takes a `DockContext`, shows what `apply(frame)` brings.
3. `model.py` formats what is shown, without widgets where it can.

The View menu, palette entries, hotkeys, workspace entries and the test of every dock follow.
"""
