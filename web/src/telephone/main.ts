import { mount } from "svelte";
import "../ui/base.css";
import Telephone from "./Telephone.svelte";

mount(Telephone, { target: document.getElementById("app") as HTMLElement });
