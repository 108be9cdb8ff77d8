// Every sentence of the page.

export const text = {
  brand: ["pedestrian ", "studio"],
  screens: [["", "Block"], ["table/1", "Table 1"], ["table/mha", "Heads"], ["table/2", "Table 2"], ["table/3", "Table 3"], ["derive", "Derive"], ["laws", "Laws"], ["check", "Check"], ["params", "Parameters"], ["equations", "Equations"]] as [string, string][],
  blockTitle: "One block, both passes",
  masked: "not seen", zero: "zero, whatever the numbers", nan: "not a number", change: "new − old", only: "·",
  cell: (i: number, r: string, j: number, c: string) => `row ${i}${r && r !== "·" ? ` “${r}”` : ""}, column ${j}${c ? ` “${c}”` : ""}`,
  newValue: (cell: string) => `new value, ${cell}`,
  notANumber: "That is not a number up to a million.",
  editMask: "This token is not seen: the mask is opened with x.",
  unknown: (keys: string[]) => `This link has what the studio does not know, and leaves it out: ${keys.join(", ")}.`,
  edited: (n: number) => `${n === 1 ? "One number" : n + " numbers"} changed by hand.`,
  help: [
    ["n, p", "next and previous station, or row"],
    ["arrows", "cells; past the edge into the partner map"],
    ["Enter", "open a row; the microscope of a cell"],
    ["e, F2", "edit a cell; ↑ ↓ by .01, Shift by .1"],
    ["0", "set a cell to zero"],
    ["x", "let a token be seen, or hide it (table 1, mask)"],
    ["d", "difference: new − old"],
    ["c", "check by finite differences"],
    ["r", "reset all edits"],
    ["u", "undo"],
    ["Esc", "close"],
    ["?", "this list"],
  ] as [string, string][],
};
