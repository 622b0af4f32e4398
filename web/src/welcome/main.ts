import { mount } from "svelte";
import "../ui/base.css";
import Welcome from "./Welcome.svelte";

mount(Welcome, { target: document.getElementById("app") as HTMLElement });
