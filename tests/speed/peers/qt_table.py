"""Qt's own table widget, the quickest stock way to a table: an item a cell, `setText` a change."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTableWidget, QTableWidgetItem


class Table:
    def __init__(self, rows, columns):
        widget = self.widget = QTableWidget(rows, columns)
        widget.verticalHeader().hide()
        widget.setAlternatingRowColors(True)
        self.port = widget.viewport()
        self.cells = []
        for row in range(rows):
            items = []
            for column in range(columns):
                item = QTableWidgetItem("")
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                widget.setItem(row, column, item)
                items.append(item)
            self.cells.append(items)

    def apply(self, rows):
        for items, row in zip(self.cells, rows, strict=True):
            for item, value in zip(items, row, strict=True):
                item.setText(str(value))
