// Everything that views draw with, by one name.
// A component that holds a state draws ONE element: preact puts the second of several in the wrong place when it draws
// them anew.
export { useAct, useAsked, useEvery } from "./asking.js";
export { Button, Code, Copy, Field, Select, Tabs, useId } from "./controls.js";
export { ConfirmByName, Dialog, FormDialog, toast, Toasts, useToast } from "./dialogs.js";
export { Dot, Empty, Loading, Pager, PlainRow, Problem, Status, Table, Time, useClock } from "./states.js";
