// The account page: buttons that copy.
for (const button of document.querySelectorAll("[data-copy]"))
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      // Without permission to write: select it, so that the reader can copy it.
      getSelection().selectAllChildren(source);
    }
  });
