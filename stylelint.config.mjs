export default {
  extends: "stylelint-config-standard",
  rules: {
    // It compares selectors that never meet, such as the links of the navigation and of the crumbs.
    "no-descending-specificity": null,
    // Safari on a phone knows it by the prefix only.
    "property-no-vendor-prefix": [true, { ignoreProperties: ["-webkit-text-size-adjust"] }],
  },
};
