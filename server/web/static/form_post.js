// OAuth 2.0 Form Post Response Mode: presses the page's one button, which also works without us.
document.getElementById("form-post").submit();
