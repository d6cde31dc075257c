// The types of the vendored file of this name are those of its package.
export { default } from "uplot";
