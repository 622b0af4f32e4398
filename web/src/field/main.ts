import { mount } from "svelte";
import "../ui/base.css";
import "./field.css";
import Field from "./Field.svelte";
import { applyTheme, keptTheme } from "./theme";

applyTheme(keptTheme());
mount(Field, { target: document.getElementById("app") as HTMLElement });
